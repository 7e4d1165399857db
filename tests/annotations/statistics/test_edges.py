"""Where the coefficients are not defined, and what must hold whatever the answers are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from apps.annotations import statistics as st

LABELS = some.sampled_from([1, 2, 3, 4])


def test_where_all_give_the_same_answer_nothing_can_be_said() -> None:
    assert st.cohens_kappa([("yes", "yes")] * 9).value is None
    assert st.fleiss_kappa([["yes"] * 3] * 9).value is None
    found = st.krippendorff_alpha([["yes"] * 3] * 9)
    assert (found.value, found.items, found.observed) == (None, 9, 1.0)
    assert st.alpha_interval([["yes"] * 3] * 9) is None


def test_where_nothing_was_judged_twice_nothing_can_be_said() -> None:
    assert st.cohens_kappa([]).value is None
    assert st.fleiss_kappa([["yes"], ["no"]]).value is None
    assert st.krippendorff_alpha([["yes"], ["no"], []]).items == 0
    assert st.wilson_interval(0, 0) is None
    assert st.mean_interval([]) is None
    assert st.compare_paired([]) is None


def test_kappa_of_many_refuses_items_judged_by_different_numbers_of_people() -> None:
    with pytest.raises(ValueError, match="same number"):
        st.fleiss_kappa([["yes", "no"], ["yes", "no", "no"]])


def test_a_label_outside_the_order_is_refused() -> None:
    with pytest.raises(ValueError, match="awful"):
        st.krippendorff_alpha([["good", "awful"]], level="ordinal", order=["bad", "good"])


def test_a_second_answer_of_the_same_person_replaces_the_first() -> None:
    said = [st.Rating(item=1, rater="a", label=True), st.Rating(item=1, rater="b", label=False)]
    assert st.units_of([*said, st.Rating(item=1, rater="b", label=True)]) == [[True, True]]
    assert st.pairs_of(said, first="b", second="a") == [(False, True)]


@given(some.lists(some.lists(LABELS, min_size=2, max_size=5), min_size=1, max_size=12), some.randoms())
def test_alpha_does_not_depend_on_who_said_what_in_which_order(units: list[list[int]], draw: object) -> None:
    mixed = [sorted(unit) for unit in reversed(units)]
    for level in ("nominal", "ordinal", "interval"):
        before, after = (st.krippendorff_alpha(each, level=level).value for each in (units, mixed))
        assert before == pytest.approx(after) if before is not None else after is None
        assert before is None or before <= 1 + 1e-12


@given(some.lists(some.tuples(LABELS, LABELS), min_size=1, max_size=30))
def test_kappa_is_the_same_from_both_sides_and_one_only_in_full_agreement(pairs: list[tuple[int, int]]) -> None:
    value = st.cohens_kappa(pairs).value
    turned = st.cohens_kappa([(b, a) for a, b in pairs]).value
    assert value == pytest.approx(turned) if value is not None else turned is None
    if value is not None:
        assert (value == pytest.approx(1)) == all(a == b for a, b in pairs)


def test_the_interval_of_alpha_holds_the_value_and_repeats_itself() -> None:
    units = [[1, 1, 2], [3, 3], [2, 2, 2], [4, 3], [1, 1], [2, 3, 3], [4, 4]] * 3
    found = st.alpha_interval(units, level="ordinal", order=[1, 2, 3, 4])
    assert found is not None
    assert found.low < found.value < found.high <= 1
    assert st.alpha_interval(units, level="ordinal", order=[1, 2, 3, 4]) == found


def test_a_comparison_says_who_is_better_by_how_much_and_whether_it_is_chance() -> None:
    clear = st.compare_paired([(0.0, 1.0)] * 18 + [(1.0, 0.0)] * 2 + [(1.0, 1.0)] * 30)
    assert clear is not None
    assert (clear.better, clear.worse, clear.same, clear.items) == (18, 2, 30, 50)
    assert clear.difference.value == pytest.approx(0.32)
    assert clear.difference.low > 0
    assert clear.p_value == st.mcnemar(only_first=2, only_second=18)
    assert clear.is_significant()
    noise = st.compare_paired([(0.4, 0.5), (0.5, 0.4), (0.3, 0.35)])
    assert noise is not None
    assert not noise.is_significant()
    assert noise.p_value == 1.0
