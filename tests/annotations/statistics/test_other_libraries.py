"""The same figures from statsmodels, NLTK and SciPy, on answers made at random."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from nltk.metrics import agreement
from scipy import stats
from statsmodels.stats import contingency_tables as tables
from statsmodels.stats import inter_rater, proportion

from apps.annotations import statistics as st

SEEDS = range(5)


def answers(seed: int, *, raters: int, items: int = 40, missing: float = 0.0) -> list[list[int | None]]:
    """Answers 1 to 5 that lean towards a truth; some are not given."""
    draw = random.Random(seed)
    rows: list[list[int | None]] = []
    for _ in range(items):
        truth = draw.randint(1, 5)
        row = [min(5, max(1, truth + draw.choice((-1, 0, 0, 0, 1, 2)))) for _ in range(raters)]
        rows.append([None if draw.random() < missing else each for each in row])
    return rows


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("ours", "theirs"), [("none", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_kappa_of_two_equals_statsmodels(seed: int, ours: st.Weights, theirs: str | None) -> None:
    pairs = [(a or 0, b or 0) for a, b in answers(seed, raters=2)]
    table = np.zeros((5, 5))
    for a, b in pairs:
        table[a - 1, b - 1] += 1
    expected = inter_rater.cohens_kappa(table, wt=theirs, return_results=False)
    assert st.cohens_kappa(pairs, weights=ours, order=[1, 2, 3, 4, 5]).value == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_kappa_of_many_equals_statsmodels(seed: int) -> None:
    rows = answers(seed, raters=6)
    table = [[row.count(label) for label in range(1, 6)] for row in rows]
    found = st.fleiss_kappa([[each or 0 for each in row] for row in rows])
    assert found.value == pytest.approx(inter_rater.fleiss_kappa(np.array(table)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_equals_nltk(seed: int, level: st.Level) -> None:
    rows = answers(seed, raters=4, missing=0.25)
    units = [[each for each in row if each is not None] for row in rows]
    counts = Counter(each for unit in units if len(unit) > 1 for each in unit)

    def ordinal(a: int, b: int) -> float:
        low, high = sorted((a, b))
        return (sum(counts[each] for each in range(low, high + 1)) - (counts[low] + counts[high]) / 2) ** 2

    distance: dict[str, Any] = {
        "nominal": lambda a, b: float(a != b),
        "ordinal": ordinal,
        "interval": lambda a, b: float(a - b) ** 2,
    }
    data = [(rater, item, label) for item, row in enumerate(rows) for rater, label in enumerate(row) if label]
    # NLTK wants items that were judged once left out.
    data = [each for each in data if len(units[each[1]]) > 1]
    expected = agreement.AnnotationTask(data, distance=distance[level]).alpha()
    assert st.krippendorff_alpha(units, level=level).value == pytest.approx(expected)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 9), (12, 5), (40, 41), (700, 630)])
def test_mcnemar_equals_statsmodels(first: int, second: int) -> None:
    exact = first + second <= 1_000
    table = [[10, first], [second, 10]]
    expected = float(tables.mcnemar(table, exact=exact, correction=True).pvalue)
    assert st.mcnemar(only_first=first, only_second=second) == pytest.approx(expected)


@pytest.mark.parametrize(("successes", "total"), [(1, 7), (50, 100), (99, 100), (4321, 9876)])
def test_wilsons_interval_equals_statsmodels(successes: int, total: int) -> None:
    low, high = proportion.proportion_confint(successes, total, alpha=0.1, method="wilson")
    found = st.wilson_interval(successes, total, confidence=0.9)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("size", [9, 60])
def test_the_permutation_test_equals_scipy(size: int) -> None:
    draw = random.Random(size)
    differences = [draw.gauss(0.25, 1) for _ in range(size)]
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    ).pvalue
    # Draws of ten and twenty thousand lie within four standard errors of each other; few items are exact.
    near = 1e-9 if size < 12 else 4 * math.sqrt(expected * (1 - expected) * 1.5 / 10_000)
    assert st.paired_permutation(differences) == pytest.approx(expected, abs=near)


def test_the_interval_of_a_mean_equals_scipy() -> None:
    draw = random.Random(3)
    values = [draw.random() for _ in range(200)]
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    found = st.mean_interval(values, rounds=20_000)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(theirs.low, abs=0.003), pytest.approx(theirs.high, abs=0.003))
