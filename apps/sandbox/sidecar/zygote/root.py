"""The read-only root of a zygote: a bare tmpfs with a few files of the machine bound into it, and no /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from apps.sandbox.sidecar.kernel import calls
from apps.sandbox.sidecar.zygote import layers as names
from apps.sandbox.sidecar.zygote.namespaces import putting_up

MOUNT_POINT = "/proc"
"""Where the new root is put together. Nothing that is bound lies below it, and what it hides is not used any more."""

DEVICES = ("/dev/null", "/dev/urandom")

HIDDEN = ("site-packages", "dist-packages")
"""Folders of a bound directory that are covered: what is installed there is nobody's business inside."""

_MOST_LINKS = 40


@dataclass(slots=True)
class Layout:
    """What the root holds: real paths to bind, and the symbolic links that lead to them."""

    binds: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)

    def covers(self, path: str) -> bool:
        """Whether a directory above that path is bound as a whole, and shows it."""
        for above in PurePosixPath(path).parents:
            if above.name in HIDDEN:
                return str(above) in self.binds
            if str(above) in self.binds:
                return True
        return False


def lay_out(paths: Iterable[str]) -> Layout:
    """Follow every symbolic link on the way to those paths; leave out what does not exist."""
    layout = Layout()
    for path in sorted({os.path.abspath(path) for path in paths}, key=len):
        real = _follow(path, layout)
        if os.path.lexists(real) and real not in layout.binds and not layout.covers(real):
            layout.binds.add(real)
    return layout


def _follow(path: str, layout: Layout) -> str:
    waiting = list(reversed(PurePosixPath(path).parts[1:]))
    done = PurePosixPath("/")
    followed = 0
    while waiting:
        part = waiting.pop()
        step = done.parent if part == ".." else done / part
        if part == ".." or not os.path.islink(step):
            done = step
            continue
        followed += 1
        if followed > _MOST_LINKS:
            return path
        target = PurePosixPath(os.readlink(step))
        layout.links[str(step)] = str(target)
        done = PurePosixPath("/") if target.is_absolute() else done
        waiting.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
    return str(done)


def enter_root(layout: Layout) -> None:
    """Leave the machine's files behind for those of the layout. Needs a mount namespace of our own."""
    with putting_up(names.READ_ONLY_ROOT):
        _mount_tmpfs(MOUNT_POINT)
        covers = [cover for path in sorted(layout.binds, key=len) for cover in _bind(path)]
        for device in DEVICES:
            if os.path.exists(device):
                _bind(device, device=True)
        for link, target in layout.links.items():
            place = MOUNT_POINT + link
            if not os.path.lexists(place) and not layout.covers(link):
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.symlink(target, place)
        for cover in covers:
            _make_read_only(cover)
        os.chdir(MOUNT_POINT)
        calls.pivot_root(".", ".")
        calls.umount2(".", flags=calls.MNT_DETACH)
        os.chdir("/")
        _make_read_only("/")


def _mount_tmpfs(target: str) -> None:
    flags = calls.MS_NOSUID | calls.MS_NODEV | calls.MS_NOEXEC
    calls.mount("skep", target, kind="tmpfs", flags=flags, options="size=4m,mode=755")


def _bind(source: str, *, device: bool = False) -> list[str]:
    """Show one file or directory at its own path; return the covers laid over parts of it, still writable."""
    target = MOUNT_POINT + source
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o444))
    try:
        calls.mount(source, target, flags=calls.MS_BIND)
    except OSError:
        # Mounts below the source that an unprivileged namespace may not part from it: take them along.
        calls.mount(source, target, flags=calls.MS_BIND | calls.MS_REC)
    _make_read_only(target, device=device)
    covers = []
    for name in HIDDEN:
        cover = f"{target}/{name}"
        if os.path.isdir(cover):
            _mount_tmpfs(cover)
            covers.append(cover)
    return covers


_KEPT = (
    (os.ST_NOEXEC, calls.MS_NOEXEC),
    (os.ST_NOATIME, calls.MS_NOATIME),
    (os.ST_NODIRATIME, calls.MS_NODIRATIME),
    (os.ST_RELATIME, calls.MS_RELATIME),
)


def _make_read_only(target: str, *, device: bool = False) -> None:
    # Flags that the machine has set may be locked: a user namespace is refused if it leaves one of them out.
    kept = 0
    present = os.statvfs(target).f_flag
    for reported, flag in _KEPT:
        if present & reported:
            kept |= flag
    flags = calls.MS_REMOUNT | calls.MS_BIND | calls.MS_RDONLY | calls.MS_NOSUID | kept
    calls.mount(None, target, flags=flags if device else flags | calls.MS_NODEV)
