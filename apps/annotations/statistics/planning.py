"""Many comparisons at once, and how many items it would take to tell a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean

#: Answers that nobody waits for are not counted out.
MOST_ITEMS = 1_000_000


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values of several tests, corrected by Holm's step-down method, in the order given.

    Whoever looks at many figures finds one that chance has moved; corrected values may be read one by one.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def items_needed(differences: Sequence[float], *, level: float = 0.05, power: float = 0.8) -> int | None:
    """How many items would tell a difference as large as the one seen, with this power. None: nobody can say.

    By the normal approximation for paired differences that vary as those seen do.
    """
    if len(differences) < 2:
        return None
    mean = fmean(differences)
    variance = sum((each - mean) ** 2 for each in differences) / (len(differences) - 1)
    if not mean or not variance:
        return None
    normal = NormalDist()
    reach = normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)
    needed = math.ceil(reach * reach * variance / (mean * mean))
    return needed if needed <= MOST_ITEMS else None
