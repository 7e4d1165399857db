"""What the proxy's process gives up before it hears a guest: it reads hostile bytes and has the network."""

from __future__ import annotations

import codecs
import os
import resource
import signal
import socket

from apps.sandbox.sidecar.egress.settings import EgressSettings
from apps.sandbox.sidecar.kernel import calls, capabilities, landlock

#: Beside the uids of the slots, so that no guest shares it.
PROXY_ID = 59_999
#: What looking up a name reads: configuration, and the C library's modules for it.
_READ = (
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/run/systemd/resolve",
    "/run/resolvconf",
)
_DNS_PORT = 53
_FILES = 128


def confine(settings: EgressSettings) -> None:
    """Become nobody in particular, able to read what names need and to connect to the operator's ports only."""
    _load_resolver()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Each connection has two sides; refused ones linger beside those that count.
    files = min(_FILES + 4 * settings.caps.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if os.geteuid() == 0:
        capabilities.drop_bounding()
        os.setgroups([])
        os.setresgid(PROXY_ID, PROXY_ID, PROXY_ID)
        os.setresuid(PROXY_ID, PROXY_ID, PROXY_ID)
    capabilities.clear()
    calls.set_parent_death_signal(signal.SIGKILL)
    calls.set_no_new_privs()
    if landlock.abi() > 0:
        ports = _ports(settings) if landlock.handled(landlock.abi()).network else ()
        landlock.restrict(read=filter(os.path.isdir, _READ), connect_ports=ports)


def _ports(settings: EgressSettings) -> tuple[int, ...]:
    rules = settings.policy().allow
    return tuple({_DNS_PORT, *settings.ports, *(rule.port for rule in rules if rule.port)})


def _load_resolver() -> None:
    """Load what a first look-up loads: afterwards the sources may not be readable any more."""
    codecs.lookup("idna")
    socket.getaddrinfo(b"127.0.0.1", 80, type=socket.SOCK_STREAM)
