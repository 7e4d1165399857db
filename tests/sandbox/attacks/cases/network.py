# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Attacks over sockets: points 32 to 34. Point 35, the profile with an egress proxy, has a suite of its own."""

from tests.sandbox.attacks.attack import Attack, held

TCP = """
import socket, asyncio, urllib.request, http.client, ssl, ftplib, smtplib
def main(**facts):
    for host, port in [("127.0.0.1", facts["tcp_port"]), ("::1", facts["tcp_port"]), ("169.254.169.254", 80), ("0.0.0.0", facts["tcp_port"]),
                       ("10.0.0.1", 80), ("1.1.1.1", 443), ("127.1", facts["tcp_port"])]:
        trial(f"connect {host}", lambda: socket.create_connection((host, port), timeout=0.3))
    trial("asyncio", lambda: asyncio.run(asyncio.wait_for(asyncio.open_connection("127.0.0.1", facts["tcp_port"]), 0.5)))
    trial("urllib", lambda: urllib.request.urlopen(f"http://127.0.0.1:{facts['tcp_port']}/", timeout=0.3))
    trial("http", lambda: http.client.HTTPConnection("127.0.0.1", facts["tcp_port"], timeout=0.3).connect())
    trial("ftp", lambda: ftplib.FTP("127.0.0.1", timeout=0.3))
    trial("smtp", lambda: smtplib.SMTP("127.0.0.1", facts["tcp_port"], timeout=0.3))
    trial("listen", lambda: socket.create_server(("127.0.0.1", 0)))
    trial("connect the result's socket", lambda: checked(libc.connect(3, bytes([2, 0, 0, 80, 127, 0, 0, 1]) + bytes(8), 16)))
    trial("bind the result's socket", lambda: checked(libc.bind(3, bytes([1, 0, 0, 120]), 4)))
    trial("listen on the result's socket", lambda: checked(libc.listen(3, 1)))
    trial("accept on the result's socket", lambda: checked(libc.accept(3, None, None)))
    return outcome()
def checked(value):
    if value == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return value
"""

DATAGRAMS = """
import socket
def main(**facts):
    trial("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", facts["udp_port"])))
    trial("udp6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("::1", facts["udp_port"])))
    for name in ["localhost.example", "example.org", "metadata.google.internal"]:
        trial("resolve " + name, socket.getaddrinfo, name, 80)
    trial("gethostbyname", socket.gethostbyname, "example.org")
    for kind in [socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET]:
        # A socket of a pair can still name another address when it sends.
        trial(f"pair to abstract {kind}", lambda: pair(kind)[0].sendto(b"x", chr(0) + facts["abstract_datagram_socket"]))
        trial(f"pair to path {kind}", lambda: pair(kind)[0].sendto(b"x", facts["datagram_socket"]))
        trial(f"pair to log {kind}", lambda: pair(kind)[0].sendto(b"x", "/dev/log"))
        trial(f"pair connects {kind}", lambda: pair(kind)[0].connect(facts["stream_socket"]))
        trial(f"pair binds {kind}", lambda: pair(kind)[0].bind(chr(0) + "skep"))
    return outcome()
kept = []
def pair(kind):
    kept.append(socket.socketpair(socket.AF_UNIX, kind))
    return kept[-1]
"""

FAMILIES = """
import socket
def main(**facts):
    for name, address in {"path": facts["stream_socket"], "abstract": chr(0) + facts["abstract_socket"], "sidecar": facts["sidecar_socket"]}.items():
        trial("unix " + name, lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(address))
    for family in [socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG, socket.AF_CAN, socket.AF_INET, socket.AF_INET6,
                   socket.AF_TIPC, 31, 44, 4, 9, 15, 30]:
        for kind in [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW]:
            trial(f"family {int(family)} {int(kind)}", socket.socket, family, kind)
    for family in [socket.AF_INET, socket.AF_NETLINK, socket.AF_TIPC]:
        trial(f"pair of {int(family)}", socket.socketpair, family, socket.SOCK_STREAM)
    trial("interfaces", lambda: found(socket.if_nameindex()))
    return outcome()
def found(names):
    return names
"""

JS_NETWORK = """
async function main(facts) {
  const net = require("net"), http = require("http"), dgram = require("dgram"), dns = require("dns"), tls = require("tls");
  const wait = (emitter, event) => new Promise((done, failed) => { emitter.on(event, done); emitter.on("error", failed); });
  for (const host of ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1"])
    await attempt("connect " + host, wait(net.connect(facts.tcp_port, host), "connect"));
  await attempt("path", wait(net.connect(facts.stream_socket), "connect"));
  await attempt("abstract", wait(net.connect("\\0" + facts.abstract_socket), "connect"));
  await attempt("sidecar", wait(net.connect(facts.sidecar_socket), "connect"));
  await attempt("http", wait(http.get({ host: "127.0.0.1", port: facts.tcp_port }), "response"));
  await attempt("tls", wait(tls.connect(facts.tcp_port, "127.0.0.1"), "secureConnect"));
  await attempt("fetch", fetch(`http://127.0.0.1:${facts.tcp_port}/`));
  await attempt("listen", wait(net.createServer().listen(0), "listening"));
  await attempt("listen on a path", wait(net.createServer().listen("/tmp/x.sock"), "listening"));
  await attempt("udp", new Promise((done, failed) => {
    const socket = dgram.createSocket("udp4");
    socket.on("error", failed);
    socket.send("x", facts.udp_port, "127.0.0.1", (problem) => (problem ? failed(problem) : done("sent")));
  }));
  await attempt("lookup", dns.promises.lookup("example.org"));
  await attempt("resolve", dns.promises.resolve4("example.org"));
  trial("inspector", () => { require("inspector").open(0, "127.0.0.1"); const at = require("inspector").url(); if (!at) throw new Error("shut"); return at; });
  return outcome();
}
"""

ATTACKS = [
    Attack(
        name="python connects over TCP",
        point=32,
        code=TCP,
        limits={"wall_s": 8.0},
        expect=held("connect 127.0.0.1", "asyncio", "urllib", "listen", least=15),
    ),
    Attack(name="python sends datagrams and resolves names", point=33, code=DATAGRAMS, expect=held("udp", least=18)),
    Attack(
        name="python opens sockets of every family",
        point=34,
        code=FAMILIES,
        expect=held("unix path", "unix abstract", "unix sidecar", "interfaces", least=45),
    ),
    Attack(
        name="javascript connects, listens, sends and resolves",
        point=32,
        language="javascript",
        code=JS_NETWORK,
        limits={"wall_s": 10.0},
        expect=held("connect 127.0.0.1", "fetch", "udp", "abstract", least=16),
    ),
]
