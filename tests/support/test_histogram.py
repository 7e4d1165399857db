"""Histograms add up, and what they say of a quantile is within 5 %."""

import random

import pytest

from support.histogram import BUCKETS, Histogram, bucket_of, merged, middle_of


def test_any_quantile_is_within_five_per_cent():
    chance = random.Random(7)
    values = sorted(int(chance.lognormvariate(13, 2)) + 1_001 for _ in range(20_000))
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    for share in (0.01, 0.5, 0.9, 0.95, 0.99, 1.0):
        exact = values[max(0, int(share * len(values)) - 1)]
        assert histogram.quantile(share) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("value", [1_001, 1_100, 1_101, 5_000, 123_456_789, 170_000_000_000])
def test_the_middle_of_a_bucket_is_near_all_that_is_in_it(value):
    assert middle_of(bucket_of(value)) == pytest.approx(value, rel=0.05)


def test_extremes_have_a_place():
    assert bucket_of(-5) == bucket_of(0) == bucket_of(1_000) == 0
    assert bucket_of(10**18) == BUCKETS - 1


def test_two_histograms_merge_into_the_histogram_of_both():
    one, other, both = Histogram(), Histogram(), Histogram()
    for number, value in enumerate(range(1_000, 2_000_000, 7_919)):
        (one if number % 3 else other).add(value)
        both.add(value)
    assert merged([one.counts, other.counts]).counts == both.counts
    one.merge(other.counts)
    assert one.counts == both.counts
    assert merged([]).quantile(0.5) is None


def test_what_is_taken_back_was_never_there():
    histogram = Histogram()
    histogram.add(50_000)
    histogram.add(9_000_000, times=3)
    histogram.add(9_000_000, times=-3)
    assert histogram.total == 1
    assert histogram.quantile(0.99) == pytest.approx(50_000, rel=0.05)
