"""Ids sort by the time they were made."""

from __future__ import annotations

import datetime as dt
import threading
import time

from support.ids import earliest, uuid7


def test_ids_are_version_7_carry_the_time_and_never_repeat() -> None:
    before = time.time_ns() // 1_000_000
    ids = [uuid7() for _ in range(5000)]
    after = time.time_ns() // 1_000_000
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in ids)
    assert len(set(ids)) == len(ids)
    assert before <= ids[0].int >> 80 <= after


def test_ids_made_one_after_the_other_sort_in_that_order_also_across_threads() -> None:
    ids = [uuid7() for _ in range(5000)]
    assert ids == sorted(ids)
    made: list[list[object]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=lambda out=out: out.extend(uuid7() for _ in range(2000))) for out in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for out in made for one in out}) == 8000
    assert all(out == sorted(out) for out in made)  # type: ignore[type-var]


def test_the_earliest_id_of_a_moment_bounds_what_was_made_then() -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(milliseconds=1)
    made = uuid7()
    assert earliest(before) < made < earliest(dt.datetime.now(dt.UTC) + dt.timedelta(milliseconds=2))
    assert earliest(before).version == 7
