"""Takes layers away and shows that the suite notices: every layer is load-bearing, or documented as depth."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.attacks.attack import X86_64
from tests.sandbox.attacks.canaries import standing_canaries
from tests.sandbox.attacks.cases import NAMED
from tests.sandbox.attacks.conftest import facts_about
from tests.sandbox.attacks.losses import DEPTH, LAYERS, LOAD_BEARING, OF_ONE_LAYER, Loss
from tests.sandbox.sidecar_process import StartRefused, modes_here, running_sidecar

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "sandbox-layers.md"
KNOWN = {**NAMED, **{attack.name: attack for attack in OF_ONE_LAYER}}
#: Few spares, so that a sidecar that serves a handful of attacks starts quickly.
LEAN = ("--spares-python", "1", "--spares-javascript", "1", "--node", "off")

pytestmark = pytest.mark.skipif(not X86_64, reason="the numbers of the calls are those of x86_64")


def complaints(mode: str, *layers: str, attacks: tuple[str, ...]) -> dict[str, str]:
    """What each attack's expectation says of a sidecar without these layers; empty where it still holds."""
    arguments = [part for layer in layers for part in ("--unsafe-without", layer)]
    with standing_canaries() as canaries, running_sidecar(mode, *LEAN, *arguments) as sidecar:
        assert sidecar.health()["status"] == ("degraded" if layers else "ok")
        facts = facts_about(canaries, sidecar)
        return {name: KNOWN[name].expect(sidecar.run(**KNOWN[name].request(facts))) for name in attacks}


def losses() -> list[object]:
    every = {f"{loss.mode} without {' and '.join(loss.layers)}": loss for loss in [*LOAD_BEARING, *DEPTH.values()]}
    return [pytest.param(loss, id=name) for name, loss in every.items()]


@pytest.mark.parametrize("loss", losses())
def test_without_its_layers_the_attack_gets_through(loss: Loss) -> None:
    if loss.mode not in modes_here():
        pytest.skip("needs to be root")
    if "cgroup_ns" in loss.layers and not in_a_control_group():
        pytest.skip("there is no control group to be seen")
    found = complaints(loss.mode, *loss.layers, attacks=loss.attacks)
    survived = [name for name, complaint in found.items() if not complaint]
    assert not survived, "these attacks notice nothing of the loss"


def in_a_control_group() -> bool:
    """Whether the tests run below the root of some hierarchy, which a run could then see."""
    lines = Path("/proc/self/cgroup").read_text().split()
    return not all(line.endswith(":/") for line in lines)


@pytest.mark.parametrize("layer", DEPTH)
def test_without_a_layer_of_depth_alone_the_attack_is_still_refused(layer: str) -> None:
    loss = DEPTH[layer]
    if loss.mode not in modes_here():
        pytest.skip("needs to be root")
    found = complaints(loss.mode, layer, attacks=loss.attacks)
    assert not {name: complaint for name, complaint in found.items() if complaint}


@pytest.mark.parametrize("mode", modes_here())
def test_with_every_layer_up_none_of_them_gets_through(mode: str) -> None:
    """The other half of the proof: the same attacks, the same lean sidecar, nothing taken away."""
    every = [*LOAD_BEARING, *DEPTH.values()]
    attacks = sorted({name for loss in every if loss.mode == mode for name in loss.attacks})
    found = complaints(mode, attacks=tuple(attacks))
    assert not {name: complaint for name, complaint in found.items() if complaint}


def test_every_layer_is_load_bearing_or_depth() -> None:
    alone = {loss.layers[0] for loss in LOAD_BEARING if len(loss.layers) == 1}
    assert alone | set(DEPTH) == set(LAYERS)
    alone = {loss.layers[0] for loss in LOAD_BEARING if loss.mode == "root"}
    for layer, loss in DEPTH.items():
        assert layer in loss.layers
        assert len(loss.layers) > 1
        assert layer not in alone


def test_a_sidecar_without_a_layer_cannot_promise_a_floor() -> None:
    with (
        pytest.raises(StartRefused) as refusal,
        running_sidecar(modes_here()[0], "--unsafe-without", "seccomp", "--floor", "landlock"),
    ):
        pytest.fail("it serves")
    assert refusal.value.code == 78


def test_the_document_shows_the_same_table() -> None:
    text = DOCUMENT.read_text()
    for loss in [*LOAD_BEARING, *DEPTH.values()]:
        for name in loss.attacks:
            row = [
                line
                for line in text.splitlines()
                if line.startswith("|") and name in line and all(f"`{x}`" in line for x in loss.layers)
            ]
            assert row, f"{DOCUMENT.name} has no row for {loss.layers} and {name!r}"
    for layer in LAYERS:
        assert f"`{layer}`" in text
