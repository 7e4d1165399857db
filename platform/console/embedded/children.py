"""What a child process is to the supervisor: a declaration, and pure decisions about starts and restarts."""

import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.embedded.identity import Identity, Ourselves

STEADY_AFTER = 60.0
SLOWEST_RESTART = 30.0
TRIES_BEFORE_READY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process to run.

    It starts when every fact in `after` is known. A service makes its own name a fact when its probe says so,
    a job (`once`) when it ends well. Children stop in ascending `stop_stage`, those of one stage together.
    Skep does without an `optional` one: it is never given up for. A child that ends with `declines_with` will
    not run on this system: it is left off, and nothing waits for it.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    after: frozenset[str] = frozenset()
    probe: Callable[[], bool] | None = None
    once: bool = False
    stop_signal: int = signal.SIGTERM
    impatient_signal: int = signal.SIGKILL
    patience: float = 3.0
    stop_stage: int = 0
    death_signal: int = signal.SIGKILL
    identity: Identity = field(default_factory=Ourselves)
    optional: bool = False
    declines_with: int | None = None


def due(children: Sequence[Child], *, facts: Collection[str], started: Collection[str]) -> list[Child]:
    """The children that may start now, in declared order."""
    return [child for child in children if child.name not in started and child.after <= set(facts)]


def restart_delay(quick_deaths: int) -> float:
    """Seconds to wait before the next try, after so many deaths in a row that came soon after the start."""
    return float(min(SLOWEST_RESTART, 0.5 * 2.0 ** max(0, quick_deaths - 1)))


def count_death(quick_deaths: int, *, ran_for: float) -> int:
    """The number of deaths in a row; a child that ran steadily starts counting anew."""
    return 1 if ran_for >= STEADY_AFTER else quick_deaths + 1


def is_hopeless(child: Child, *, quick_deaths: int, all_ready: bool) -> bool:
    """Whether starting up should be given up: afterwards a dead child is only ever restarted."""
    if all_ready or child.optional:
        return False
    return child.once or quick_deaths >= TRIES_BEFORE_READY


def how_it_ended(code: int) -> str:
    """The end of a process in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"was killed by {name}"
