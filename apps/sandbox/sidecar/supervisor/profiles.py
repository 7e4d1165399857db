"""Which profiles this machine can offer: what each one's zygote shows, warms up, and may use."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

from apps.sandbox.protocol import JAVASCRIPT_PROFILE, TEMPLATE_PROFILE, Language
from apps.sandbox.sidecar.config import Config, OperatorProfile
from apps.sandbox.sidecar.zygote.control import Defaults, Stage
from apps.sandbox.sidecar.zygote.layers import LANDLOCK_ONLY, NET_NS

MEMORY_MB: Final = 256
DATA_MEMORY_MB: Final = 512
FILES: Final = 64
#: Fewer, because each may be a connection that the egress proxy keeps open.
NET_FILES: Final = 32
#: Importable names: what a profile needs, and what it takes along when it is there.
TEMPLATE_PACKAGES: Final = ("jinja2", "markupsafe")
NET_PRELOAD: Final = ("http.client", "ssl", "urllib.request")
DATA_PACKAGES: Final = ("numpy",)
DATA_EXTRAS: Final = ("pandas", "dateutil", "pytz", "tzdata", "six")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of child. With a reason, it cannot be had here, and the reason says what would help."""

    name: str
    language: Language
    paths: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    memory_mb: int = MEMORY_MB
    spares: int = 1
    node: str | None = None
    net: bool = False
    lazy: bool = False
    reason: str | None = None

    def stage(self, config: Config, mode: str) -> Stage:
        """Say it in the words of the control channel."""
        return Stage(
            profile=self.name,
            mode=mode,
            language=self.language.value,
            without=config.without,
            paths=self.paths,
            preload=self.preload,
            node=self.node,
            net=self.net,
            defaults=Defaults(
                memory_mb=self.memory_mb, cpu_s=config.maxima.cpu_s, files=NET_FILES if self.net else FILES
            ),
        )


def find_profiles(config: Config, *, mode: str) -> list[Profile]:
    """List every profile, also those that cannot be had."""
    spares = config.spares_python
    fewer = max(1, spares // 2)
    found = [
        Profile(name="base", language=Language.PYTHON, spares=spares),
        _packaged(TEMPLATE_PROFILE, TEMPLATE_PACKAGES, (), spares=fewer, memory_mb=MEMORY_MB, lazy=False),
        _packaged("data", DATA_PACKAGES, DATA_EXTRAS, spares=fewer, memory_mb=DATA_MEMORY_MB, lazy=True),
        _javascript(config),
        Profile(
            name="net",
            language=Language.PYTHON,
            preload=NET_PRELOAD,
            spares=fewer,
            net=True,
            reason=_no_network(config, mode),
        ),
    ]
    return found + [_operator(profile, spares=fewer) for profile in config.profiles]


def _no_network(config: Config, mode: str) -> str | None:
    if not config.net:
        return "the network is off in this sandbox; its operator can turn on --net"
    if mode == LANDLOCK_ONLY or NET_NS in config.without:
        return "it needs a network namespace of its own, which cannot be had here"
    return None


def _packaged(
    name: str, needed: Sequence[str], extras: Sequence[str], *, spares: int, memory_mb: int, lazy: bool
) -> Profile:
    """A profile of packages installed beside the sidecar: theirs are the only directories that it gets to see."""
    places = {package: _place(package) for package in (*needed, *extras)}
    missing = [package for package in needed if places[package] is None]
    reason = None
    if missing:
        reason = f"{' and '.join(missing)} cannot be found; install with: {_installer()} install {' '.join(needed)}"
    paths = [path for place in places.values() if place for path in (place, *_bundled_libraries(place))]
    return Profile(
        name=name,
        language=Language.PYTHON,
        paths=tuple(map(str, paths)),
        preload=tuple(package for package in (*needed, *extras[:1]) if places[package]),
        memory_mb=memory_mb,
        spares=spares,
        lazy=lazy,
        reason=reason,
    )


def _javascript(config: Config) -> Profile:
    node = None if config.node == "off" else shutil.which(config.node or "node")
    reason = "Node.js is turned off in this sandbox" if config.node == "off" else None
    if node is None and reason is None:
        reason = "Node.js cannot be found; install it, or name it with --node PATH"
    return Profile(
        name=JAVASCRIPT_PROFILE,
        language=Language.JAVASCRIPT,
        spares=config.spares_javascript,
        node=str(Path(node).resolve()) if node else None,
        reason=reason,
    )


def _operator(profile: OperatorProfile, *, spares: int) -> Profile:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = profile.virtualenv / "lib" / version / "site-packages"
    reason = None
    if not packages.is_dir():
        reason = f"{packages} does not exist: the virtualenv must be one of {version}"
    return Profile(
        name=profile.name,
        language=Language.PYTHON,
        paths=(str(packages),),
        preload=profile.preload,
        memory_mb=DATA_MEMORY_MB,
        spares=spares,
        reason=reason,
    )


def _place(package: str) -> Path | None:
    """Find a package's directory, or a module's file, without importing it."""
    spec = PathFinder.find_spec(package, _searched())
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin).resolve()
    return origin.parent if spec.submodule_search_locations else origin


def _searched() -> list[str]:
    """Where packages may lie: what is importable here, and the site-packages that `-S` leaves out."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefixes = (Path(sys.executable).parent.parent, Path(sys.prefix))
    return sys.path + [str(prefix / "lib" / version / "site-packages") for prefix in prefixes]


def _bundled_libraries(place: Path) -> list[Path]:
    """Find the shared libraries that a wheel puts beside its package."""
    beside = place.with_name(f"{place.name}.libs")
    return [beside] if beside.is_dir() else []


def _installer() -> str:
    return f"{sys.executable} -m pip"
