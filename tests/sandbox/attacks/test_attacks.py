"""Every attack, in every mode: its outcome, that no canary noticed it, and that the next run works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.attacks.attack import EVERY_MODE, X86_64, Attack
from tests.sandbox.attacks.canaries import Canaries
from tests.sandbox.attacks.cases import ATTACKS
from tests.sandbox.attacks.trivial import answers_at_once
from tests.sandbox.sidecar_process import Sidecar

#: Points of the threat list that have tests of their own beside the cases.
ELSEWHERE = {
    16: "test_between_runs.py",
    35: "tests/sandbox/egress",
    43: "test_between_runs.py",
    46: "test_between_runs.py",
    48: "test_survivors.py",
    49: "test_endurance.py",
    50: "test_probe.py",
}
#: Limits, frames and text are the supervisor's and the child's own affair: two modes are enough for them.
THE_SAME_WITHOUT_NAMESPACES = {36, 37, 38, 39, 45, 47}


def in_every_mode() -> Iterator[Any]:
    for mode in EVERY_MODE:
        for attack in ATTACKS:
            if mode in attack.modes and not (mode == "landlock" and attack.point in THE_SAME_WITHOUT_NAMESPACES):
                yield pytest.param(mode, attack, id=f"{mode}: {attack.name}")


@pytest.mark.parametrize(("sidecar", "attack"), list(in_every_mode()), indirect=["sidecar"])
def test_the_attack_reaches_nothing_and_the_next_run_works(
    sidecar: Sidecar, attack: Attack, canaries: Canaries, facts: dict[str, Any]
) -> None:
    if attack.needs_x86_64 and not X86_64:
        pytest.skip("the numbers of the calls are those of x86_64")
    result = sidecar.run(**attack.request(facts))
    assert not attack.expect(result), attack.expect(result)
    assert not canaries.untouched()
    assert answers_at_once(sidecar, language=attack.language)


def test_every_point_of_the_threat_list_is_attacked() -> None:
    assert {attack.point for attack in ATTACKS} | set(ELSEWHERE) == set(range(1, 51))
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
