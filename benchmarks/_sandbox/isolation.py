"""What each layer costs: sidecars with and without it, side by side, asked in turns."""

from __future__ import annotations

import random
from contextlib import ExitStack
from typing import Any

from _sandbox.figures import median, spread
from _sandbox.sidecar import TRIVIAL_PYTHON, Sidecar, run_request, sidecar
from apps.sandbox.sidecar.zygote.layers import LAYERS, planned

#: Few warm processes each, because there is one sidecar per layer.
LEAN = ("--spares-python", "1", "--node", "off", "--max-cpu-s", "30")
#: Not the profile's own 256: a process with limits of its own is forked and isolated while the request waits.
FRESH = {"memory_mb": 255}


def isolation_cost(*, rounds: int) -> dict[str, Any]:
    """The difference that all layers make, and that each makes; on the warm path and on that of a fresh process."""
    with ExitStack() as stack:
        whole = stack.enter_context(sidecar(*LEAN))
        mode = str(whole.client.health()["mode"])
        removable = removable_layers(mode)
        variants: dict[str, Sidecar] = {"": whole}
        variants["all"] = stack.enter_context(sidecar(*LEAN, *without(removable)))
        for layer in removable:
            variants[layer] = stack.enter_context(sidecar(*LEAN, *without([layer])))
        fresh = measure(variants, run_request(TRIVIAL_PYTHON, limits=FRESH), rounds=rounds, warm=False)
        few = {name: variants[name] for name in ("", "all")}
        warm = measure(few, run_request(TRIVIAL_PYTHON), rounds=rounds, warm=True)
    return {
        "mode": mode,
        "all_layers_ms": round(median(warm[""]) - median(warm["all"]), 3),
        "all_layers_of_a_fresh_process_ms": round(median(fresh[""]) - median(fresh["all"]), 3),
        "each_layer_of_a_fresh_process_ms": {
            layer: round(median(fresh[""]) - median(fresh[layer]), 3) for layer in removable
        },
        "warm_ms": {"with": spread(warm[""]), "without": spread(warm["all"])},
        "fresh_ms": {"with": spread(fresh[""]), "without": spread(fresh["all"])},
        "left_out": removable,
        "meaning": "warm: the process was isolated before the request came, as for every run with the profile's own "
        "limits; fresh: forked and isolated while the request waited. A layer's figure is what leaving it out saves.",
    }


def measure(variants: dict[str, Sidecar], request: bytes, *, rounds: int, warm: bool) -> dict[str, list[float]]:
    """Ask every sidecar once a round, in another order each time."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants.items())
    for each in variants.values():
        each.client.timed_run(request)
    for _ in range(rounds):
        random.shuffle(order)
        for name, each in order:
            if warm:
                each.wait_for_spares("base", least=1)
            times[name].append(each.client.timed_run(request))
    return times


def removable_layers(mode: str) -> list[str]:
    """The layers of a mode that can be left out at all."""
    return [layer for layer in LAYERS if layer in planned(mode, ()) and can_go(mode, layer)]


def can_go(mode: str, layer: str) -> bool:
    """Whether the mode still stands without that layer."""
    from apps.sandbox.sidecar.zygote.layers import LayerFailed

    try:
        planned(mode, [layer])
    except LayerFailed:
        return False
    return True


def without(layers: list[str]) -> list[str]:
    """The arguments that leave layers out."""
    return [part for layer in layers for part in ("--unsafe-without", layer)]
