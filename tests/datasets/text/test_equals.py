"""Equal chunks are numbered, and a million different ones cost no memory to speak of."""

import tracemalloc
from collections import Counter
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.text.equals import Equals


def digest(of: object) -> str:
    return sha256(repr(of).encode()).hexdigest()


@given(st.lists(st.integers(0, 20)))
def test_equal_ones_are_numbered_from_zero(values):
    equals, before = Equals(), Counter()
    for value in values:
        assert equals.number(digest(value)) == before[value]
        before[value] += 1


def test_many_different_ones_take_no_more_memory_than_few():
    equals = Equals()
    tracemalloc.start()
    try:
        known = sum(equals.number(digest(number)) > 0 for number in range(50_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert known == 0
    assert peak < 500_000
