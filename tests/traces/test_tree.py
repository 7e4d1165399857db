"""The tree of a trace: whatever spans arrive, every one has exactly one row, at a place that can be explained."""

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.traces.selectors.tree import Bone, Tree, arrange

BEGAN = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
KEYS = st.sampled_from(["", *"abcdefgh"])


def bone(
    key: str, parent: str = "", *, at: int | None = 0, took: int | None = 10_000, number: int = 0, **more: object
) -> Bone:
    """A span that began `at` microseconds after the trace."""
    values: dict[str, object] = {
        "id": UUID(int=number or sum(ord(letter) << 8 * place for place, letter in enumerate(key))),
        "key": key,
        "parent_key": parent,
        "name": key,
        "kind": "other",
        "node_id": "",
        "node_type": "",
        "predecessor": "",
        "position": 0,
        "started_us": None if at is None else round(BEGAN.timestamp()) * 1_000_000 + at,
        "duration_us": took,
        "first_text_us": None,
        "status": "ok",
        "error_code": "",
        "error_handled": False,
        "model": "",
        "input_tokens": 0,
        "output_tokens": 0,
        "cost": None,
    }
    return Bone(**{**values, **more})  # type: ignore[arg-type]


def tree(*bones: Bone, **more: object) -> Tree:
    return arrange(bones, began=BEGAN, **more)  # type: ignore[arg-type]


def outline(found: Tree) -> list[str]:
    return ["." * row.depth + row.bone.key for row in found.rows]


def test_spans_stand_below_their_parents_in_the_order_in_which_they_began():
    found = tree(
        bone("late", "root", at=500), bone("inner", "soon", at=120), bone("root"), bone("soon", "root", at=100)
    )
    assert outline(found) == ["root", ".soon", "..inner", ".late"]
    assert [row.end for row in found.rows] == [4, 3, 3, 4]
    assert found.total_us == 10_500


def test_a_span_whose_parent_is_not_there_stands_at_the_top_and_is_called_an_orphan():
    found = tree(bone("root"), bone("lost", "gone", at=20), bone("below", "lost", at=30))
    assert outline(found) == ["root", "lost", ".below"]
    assert [row.is_orphan for row in found.rows] == [False, True, False]


def test_who_names_the_caller_of_the_trace_is_no_orphan():
    found = tree(bone("root", "caller"), caller="caller")
    assert not found.rows[0].is_orphan


def test_a_circle_is_cut_at_its_first_span():
    found = tree(
        bone("b", "a", at=20), bone("a", "c", at=10), bone("c", "b", at=30), bone("d", "c", at=40), bone("self", "self")
    )
    assert outline(found) == ["self", "a", ".b", "..c", "...d"]
    assert [row.bone.key for row in found.rows if row.is_cyclic] == ["self", "a"]


def test_a_span_that_began_before_its_parent_is_marked_and_moves_the_beginning():
    found = tree(bone("root", at=0), bone("early", "root", at=-5_000), bone("a bit", "root", at=-300))
    assert [(row.bone.key, row.is_skewed) for row in found.rows] == [("root", False), ("early", True), ("a bit", False)]
    assert [row.offset_us for row in found.rows] == [5_000, 0, 4_700]


def test_of_two_spans_with_one_key_the_first_has_the_children():
    found = tree(bone("a", number=9), bone("a", at=50, number=3), bone("child", "a", at=60))
    assert outline(found) == ["a", ".child", "a"]


def test_what_never_began_keeps_its_place_and_has_no_time():
    found = tree(
        bone("root", position=0), bone("run", "root", position=1), bone("no", "root", at=None, took=None, position=2)
    )
    assert outline(found) == ["root", ".run", ".no"]
    assert found.rows[2].offset_us is None
    assert not found.rows[2].is_critical


def test_the_critical_path_is_what_the_end_of_the_trace_waited_for():
    found = tree(
        bone("root", took=1_000_000),
        bone("slow", "root", at=0, took=600_000),
        bone("beside", "root", at=0, took=90_000),
        bone("inner", "slow", at=100_000, took=400_000),
        bone("after", "root", at=600_100, took=390_000),
        bone("forgotten", "root", at=700_000, took=5_000_000),
    )
    assert {row.bone.key for row in found.rows if row.is_critical} == {"root", "slow", "inner", "after"}


def test_a_run_says_what_each_step_waited_for_even_where_both_ran_at_once():
    found = tree(
        bone("root", took=1_000_000, position=0),
        bone("ask", "root", at=100_000, took=890_000, node_id="ask", position=1),
        bone("say", "root", at=500_000, took=495_000, node_id="say", predecessor="ask", position=2),
        bone("beside", "root", at=0, took=80_000, node_id="beside", position=3),
        bone("loop", "root", at=0, took=499_000, node_id="loop", predecessor="loop", position=4),
    )
    assert {row.bone.key for row in found.rows if row.is_critical} == {"root", "ask", "say", "beside"}


def test_nothing_is_marked_where_everything_had_to_be_waited_for():
    found = tree(bone("root", took=1_000), bone("only", "root", at=10, took=900))
    assert not any(row.is_critical for row in found.rows)


def test_own_time_is_what_no_child_accounts_for():
    found = tree(
        bone("root", took=1_000),
        bone("one", "root", at=100, took=300),
        bone("two", "root", at=200, took=300),
        bone("out", "root", at=900, took=900),
    )
    assert {row.bone.key: row.own_us for row in found.rows} == {"root": 500, "one": 300, "two": 300, "out": 900}


def test_repeated_siblings_become_one_group():
    calls = [bone(f"call{n}", "root", at=n, name=f"search {n}", kind="tool") for n in range(37)]
    found = tree(bone("root"), *calls, bone("last", "root", at=99))
    assert [(group.first, group.end, group.times, group.names) for group in found.groups] == [
        (1, 38, 37, ("search 0",))
    ]


def test_a_pattern_of_several_spans_repeats_as_well_with_what_is_below_them():
    rounds = []
    for n in range(5):
        rounds.append(bone(f"ask{n}", "root", at=n * 10, name="ask", kind="llm"))
        rounds.append(bone(f"http{n}", f"ask{n}", at=n * 10 + 1, name="POST"))
        rounds.append(bone(f"do{n}", "root", at=n * 10 + 5, name="do", kind="tool"))
    found = tree(bone("root"), bone("before", "root", at=-1), *rounds)
    assert [(group.first, group.end, group.times, group.names) for group in found.groups] == [(2, 17, 5, ("ask", "do"))]


def test_three_times_the_same_is_no_repetition_yet():
    assert not tree(bone("root"), *(bone(f"c{n}", "root", at=n, name="same") for n in range(3))).groups


def test_rounds_of_a_loop_that_take_turns_are_one_group():
    inner = [
        bone(f"n{n}", "loop", at=n, name=f"{'odd' if n % 3 else 'even'} [{n}]", node_id="odd" if n % 3 else "even")
        for n in range(30)
    ]
    found = tree(bone("loop", kind="loop"), *inner)
    assert [(group.first, group.end, group.times) for group in found.groups] == [(1, 31, 20)]


def test_a_chain_of_ten_thousand_and_ten_thousand_circles_are_arranged_at_once():
    chain = [bone(f"{n:x}", f"{n - 1:x}" if n else "", at=n, number=n + 1) for n in range(10_000)]
    assert tree(*chain).rows[-1].depth == 9_999
    pairs = [bone(f"{n:x}", f"{n ^ 1:x}", at=n, number=n + 1) for n in range(10_000)]
    assert sum(row.is_cyclic for row in tree(*pairs).rows) == 5_000


bones = st.builds(
    lambda key, parent, at, took, name, kind, position, number: bone(
        key, parent, at=at, took=took, name=name, kind=kind, position=position, number=number
    ),
    KEYS,
    KEYS,
    st.none() | st.integers(-10_000_000, 10_000_000),
    st.none() | st.integers(-5, 10_000_000),
    st.sampled_from(["ask 1", "ask 2", "do", ""]),
    st.sampled_from(["llm", "tool", "loop"]),
    st.integers(0, 3),
    st.integers(1, 2**127),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(bones, max_size=40, unique_by=lambda each: each.id))
def test_every_span_has_one_row_inside_its_parent_and_groups_hold_whole_siblings(given_bones: Sequence[Bone]):
    found = tree(*given_bones)
    assert sorted(row.bone.id for row in found.rows) == sorted(each.id for each in given_bones)
    for at, row in enumerate(found.rows):
        assert at < row.end <= len(found.rows)
        assert row.own_us >= 0
        if row.offset_us is not None:
            assert 0 <= row.offset_us <= found.total_us
        if row.parent < 0:
            assert row.depth == 0
            continue
        parent = found.rows[row.parent]
        assert row.parent < at < parent.end
        assert row.end <= parent.end
        assert row.depth == parent.depth + 1
        assert row.bone.parent_key == parent.bone.key
    for group in found.groups:
        assert found.rows[group.first].parent == found.rows[group.first].parent
        assert group.end <= len(found.rows)
        siblings = [row for row in found.rows[group.first : group.end] if row.depth <= found.rows[group.first].depth]
        assert len({row.parent for row in siblings}) == 1
        assert len(siblings) >= group.times >= 4
    spans = [(group.first, group.end) for group in found.groups]
    assert all(one[1] <= other[0] or other[1] <= one[1] for one, other in pairwise(spans))


def test_spans_of_a_program_that_a_run_asked_stand_where_they_began_between_its_steps():
    found = tree(
        bone("root"),
        bone("first", "root", at=0, position=1),
        bone("second", "root", at=900, position=2),
        bone("skipped", "root", at=None, took=None, position=3),
        bone("asked", "root", at=400),
        bone("inside", "asked", at=450),
    )
    assert outline(found) == ["root", ".first", ".asked", "..inside", ".second", ".skipped"]
