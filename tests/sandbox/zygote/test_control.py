"""The control channel and the frames, on real sockets."""

from __future__ import annotations

import os
import socket

import pytest

from apps.sandbox.sidecar.zygote import control, frames
from apps.sandbox.sidecar.zygote.control import (
    Defaults,
    Failed,
    Fatal,
    Kill,
    Ping,
    Pong,
    Reaped,
    Spawn,
    Spawned,
    Stage,
    Staged,
)

STAGE = Stage(profile="data", mode="root", language="python3", paths=("/a", "/b"), defaults=Defaults(memory_mb=512))
MESSAGES = [
    STAGE,
    Spawn(id=1, slot=2, memory_mb=256, cpu_s=10),
    Kill(id=1),
    Ping(),
    Pong(),
    Staged(layers={"seccomp": True}, pid=4),
    Fatal(layer="landlock", message="no"),
    Spawned(id=1),
    Failed(id=1, message="no"),
    Reaped(id=1, code=None, signal=9, cpu_ms=3, peak_kb=4, system_call="ptrace"),
]


@pytest.fixture
def channel():
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield ends
    for end in ends:
        end.close()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.op)
def test_a_message_arrives_as_it_was_sent(channel, message):
    control.send(channel[0], message)
    assert control.receive(channel[1]) == (message, [])


def test_descriptors_travel_along_and_are_closed_on_exec(channel):
    control.send(channel[0], STAGE, fds=[channel[0].fileno()])
    received = control.receive(channel[1])
    assert received is not None
    [fd] = received[1]
    assert not os.get_inheritable(fd)
    assert os.path.sameopenfile(fd, channel[0].fileno())
    os.close(fd)


def test_the_end_of_the_channel_is_none(channel):
    channel[0].close()
    assert control.receive(channel[1]) is None


def test_an_end_closed_with_unread_messages_is_none_too(channel):
    control.send(channel[1], Ping())
    channel[0].close()
    assert control.receive(channel[1]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"[]",
        b"{}",
        b'{"op":"nope"}',
        b'{"op":"kill"}',
        b'{"op":"kill","id":1,"slot":2}',
        b'{"op":["kill"]}',
        b"\xff",
    ],
)
def test_anything_else_is_broken_and_leaves_no_descriptor_open(channel, data):
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(channel[0], [data], [channel[0].fileno()])
    with pytest.raises(control.ControlBroken):
        control.receive(channel[1])
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_message_too_long_for_one_datagram_is_not_sent(channel):
    with pytest.raises(control.ControlBroken):
        control.send(channel[0], Fatal(layer="x", message="y" * control.LARGEST_MESSAGE))


def test_frames_come_apart_wherever_the_stream_was_cut():
    stream = frames.pack(b"S") + frames.pack(b"O", b"hello") + frames.pack(b"R", b"{}")
    reader = frames.FrameReader({b"S": 0, b"O": 5, b"R": 2})
    found = [frame for byte in stream for frame in reader.feed(bytes([byte]))]
    assert found == [(b"S", b""), (b"O", b"hello"), (b"R", b"{}")]
    assert reader.empty


@pytest.mark.parametrize("stream", [frames.pack(b"X", b""), frames.pack(b"S", b"x"), b"O\xff\xff\xff\xff"])
def test_a_wrong_header_is_refused_before_its_body_comes(stream):
    reader = frames.FrameReader({b"S": 0, b"O": 100})
    with pytest.raises(frames.FrameViolation):
        list(reader.feed(stream[:5]))
