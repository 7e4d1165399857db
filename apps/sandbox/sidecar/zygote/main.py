"""Where a zygote starts: it takes the stage order, becomes what it says, and serves until the supervisor is gone."""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from typing import NoReturn

from apps.sandbox.sidecar.zygote import control, layers, staging
from apps.sandbox.sidecar.zygote.control import CONTROL_FD, Fatal, Stage, Staged
from apps.sandbox.sidecar.zygote.guest import Guest
from apps.sandbox.sidecar.zygote.loop import Loop
from apps.sandbox.sidecar.zygote.preload import PreloadFailed


def main() -> NoReturn:
    """Run a zygote on the control channel at descriptor 3; never returns to the interpreter's own teardown."""
    code = 1
    try:
        code = _serve()
    except BaseException:  # noqa: BLE001 - the outermost border of the process: say why on stderr and end
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _serve() -> int:
    staging.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the supervisor's to handle
    channel = socket.socket(fileno=CONTROL_FD)
    channel.set_inheritable(False)
    received = control.receive(channel)
    if received is None:
        return 0
    stage, _ = received
    if not isinstance(stage, Stage):
        raise control.ControlBroken("the first order has to be the stage")
    try:
        planned = layers.planned(stage.mode, stage.without)
        staging.become_first(planned, stage.mode, channel.close)
        staged = staging.put_up(stage, planned, _guest(stage))
    except (layers.LayerFailed, PreloadFailed, OSError) as error:
        layer = error.layer if isinstance(error, layers.LayerFailed) else "profile"
        control.send(channel, Fatal(layer=layer, message=str(error)))
        return 1
    up = {name: name in staged.layers for name in layers.LAYERS}
    listener = [staged.listener.fileno()] if staged.listener else []
    control.send(channel, Staged(layers=up, pid=staged.outer_pid), fds=listener)
    Loop(staged, channel).run()
    return 0


def _guest(stage: Stage) -> Guest:
    if stage.language == "javascript":
        from apps.sandbox.sidecar.zygote.node_child import NodeGuest

        return NodeGuest(stage)
    from apps.sandbox.sidecar.zygote.python_child import PythonGuest

    return PythonGuest(stage)
