"""The coefficients against figures that were printed elsewhere: articles, and the textbooks that repeat them."""

from __future__ import annotations

import pytest

from apps.annotations import statistics as st

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011): four observers, twelve units, some not judged.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
# Fleiss' example as retold in many places: fourteen raters, ten subjects, five categories.
SUBJECTS = (
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
)  # fmt: skip
# Darwin's plants, Fisher, "The Design of Experiments" (1935), section 21: differences in eighths of an inch.
PLANTS = (49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48)


def ratings() -> list[st.Rating]:
    return [
        st.Rating(item=unit, rater=rater, label=int(mark))
        for rater, row in enumerate(OBSERVERS)
        for unit, mark in enumerate(row.split())
        if mark != "."
    ]


@pytest.mark.parametrize(("level", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_with_missing_answers_is_what_krippendorff_printed(level: st.Level, printed: float) -> None:
    found = st.krippendorff_alpha(st.units_of(ratings()), level=level)
    assert found.value == pytest.approx(printed, abs=0.0005)
    assert found.items == 11  # the twelfth unit has one answer only


@pytest.mark.parametrize(
    ("first", "second", "printed"),
    [("0100000010", "1110010000", 0.095), ("aabbdcccedda", "babbbcccednd".replace("n", "d"), 0.692)],
)
def test_alpha_of_two_observers_is_what_krippendorff_printed(first: str, second: str, printed: float) -> None:
    found = st.krippendorff_alpha(zip(first, second, strict=True))
    assert found.value == pytest.approx(printed, abs=0.0005)


def test_kappa_is_what_cohen_printed() -> None:
    # "A coefficient of agreement for nominal scales" (1960), table 1, as counts of 200.
    table = ((88, 10, 2), (14, 40, 6), (18, 10, 12))
    pairs = [(row, column) for row in range(3) for column in range(3) for _ in range(table[row][column])]
    found = st.cohens_kappa(pairs)
    assert (found.observed, found.expected) == (pytest.approx(0.70), pytest.approx(0.41))
    assert found.value == pytest.approx(0.492, abs=0.0005)


def test_kappa_of_many_is_what_fleiss_example_says() -> None:
    found = st.fleiss_kappa([label for label, count in enumerate(row) for _ in range(count)] for row in SUBJECTS)
    assert (found.observed, found.expected) == (pytest.approx(0.378, abs=0.0005), pytest.approx(0.213, abs=0.0005))
    assert found.value == pytest.approx(0.210, abs=0.0005)


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_what_newcombe_printed(successes: int, total: int, low: float, high: float) -> None:
    # "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    found = st.wilson_interval(successes, total)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_the_permutation_test_counts_the_arrangements_that_fisher_counted() -> None:
    assert st.paired_permutation(PLANTS) == 2 * 863 / 2**15


def test_mcnemar_is_what_fagerland_printed() -> None:
    # Fagerland, Lydersen, Laake (2013): hyper-responsiveness before and after, exact conditional test.
    assert st.mcnemar(only_first=1, only_second=7) == pytest.approx(0.070, abs=0.0005)
