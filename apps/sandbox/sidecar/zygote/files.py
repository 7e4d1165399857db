"""Which of the machine's files the standard library needs at run time, on the common distributions."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator

from apps.sandbox.sidecar.zygote.launch import SOURCE_ROOT

LOADER_FILES = ("/etc/ld.so.cache", *(f"/etc/ld-musl-{machine}.path" for machine in ("x86_64", "aarch64")))
ZONES = "/usr/share/zoneinfo"
CERTIFICATES = ("/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted")
CERTIFICATE_SOURCES = ("/usr/share/ca-certificates", "/usr/local/share/ca-certificates")
"""Where the links in /etc/ssl/certs lead."""
SHARED_DIRECTORIES = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
"""Where libraries lie among other things: only the libraries are shown."""


def standard_library() -> list[str]:
    """The directories and archives that this interpreter imports the standard library from."""
    named = sysconfig.get_paths()
    found = {os.path.dirname(os.__file__), named["stdlib"], named["platstdlib"]}
    found.update(path for path in sys.path if path.startswith(sys.base_prefix) and "python" in path)
    found.discard(str(SOURCE_ROOT))
    return sorted(path for path in found if os.path.exists(path) and not path.endswith(("-packages", "bin")))


def shared_libraries() -> list[str]:
    """Directories and single files from which late imports, and execve, load shared libraries."""
    triplet = getattr(sys.implementation, "_multiarch", "")
    own = [f"{place}/{triplet}" for place in ("/lib", "/usr/lib", "/usr/local/lib") if triplet]
    own = [path for path in own if os.path.isdir(path)]
    wanted = set(own)
    wanted.update(path for path in LOADER_FILES if os.path.isfile(path))
    mapped = set(_mapped_libraries())
    wanted.update(path for path in mapped if not path.startswith(tuple(f"{directory}/" for directory in own)))
    directories = {os.path.dirname(path) for path in mapped} - set(own)
    if not own:
        directories.update(SHARED_DIRECTORIES)
    standard = tuple(standard_library())
    for directory in directories:
        if not directory.startswith(standard):
            wanted.update(_libraries_in(directory))
    # The name under which programs ask for their loader.
    wanted.update(_libraries_in("/lib64"), _libraries_in("/lib", prefix="ld-"))
    return sorted(wanted)


def _mapped_libraries() -> Iterator[str]:
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            _, _, path = line.rstrip("\n").partition("/")
            if ".so" in path and not path.endswith("(deleted)"):
                yield "/" + path


def _libraries_in(directory: str, *, prefix: str = "") -> Iterator[str]:
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        name = entry.name
        if name.startswith(prefix or ("lib", "ld-")) and (name.endswith(".so") or ".so." in name) and entry.is_file():
            yield entry.path


def certificates() -> list[str]:
    """What a TLS client needs to know whom to trust: the system's authorities, where this OpenSSL looks for them."""
    import ssl

    own = ssl.get_default_verify_paths()
    configuration = os.path.join(os.path.dirname(own.openssl_cafile), "openssl.cnf")
    wanted = {*CERTIFICATES, *CERTIFICATE_SOURCES, own.openssl_cafile, own.openssl_capath, configuration}
    return sorted(path for path in wanted if os.path.exists(path))


def importable(paths: Iterable[str]) -> list[str]:
    """The directories to put on sys.path for a profile's paths: a package or module is found in its parent."""
    found: dict[str, None] = {}
    for path in paths:
        single = not os.path.isdir(path) or os.path.exists(os.path.join(path, "__init__.py"))
        found[os.path.dirname(path) if single else path] = None
    return list(found)


def standard_library_path() -> list[str]:
    """The part of sys.path that holds the standard library, in its order."""
    own = set(standard_library())
    return [path for path in sys.path if path in own or os.path.dirname(path) in own]
