"""Recorded runs are told again and read again."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from apps.workflows.engine.events import KINDS, NodeAnswered, RunPaused, Usage, from_dict, to_dict
from apps.workflows.engine.replay import fold
from tests.workflows.engine.stories import FOLDER, plan_of, tell

STORIES = sorted(FOLDER.glob("*.json"))


@pytest.fixture(params=STORIES, ids=lambda path: path.stem)
def story(request):
    return json.loads(request.param.read_text())


async def test_the_same_run_still_tells_the_same(story):
    assert [json.loads(json.dumps(to_dict(event))) for event in await tell(story)] == story["events"]


def test_a_log_of_an_earlier_version_still_reads_the_same(story):
    events = [from_dict(body) for body in story["events"]]
    assert plain(fold(events, plan_of(story))) == story["state"]
    assert [json.loads(json.dumps(to_dict(event))) for event in events] == story["events"]


def plain(state):
    """The state as a story keeps it: counts that came later are left out while they are empty."""
    body = json.loads(json.dumps(asdict(state)))
    for each in (body, *body["nodes"].values()):
        if each["usage"] is not None:
            each["usage"] = Usage(**each["usage"]).values()
    return body


def test_a_follower_in_the_middle_of_a_run_knows_what_has_happened_so_far(story):
    events = [from_dict(body) for body in story["events"]]
    plan = plan_of(story)
    known = set(ids_of(plan))
    for at in range(len(events)):
        state = fold(events[:at], plan)
        assert state.status == ("waiting" if at == 0 else "running" if not paused(events[:at]) else "paused")
        assert {name.rpartition("/")[2] for name in state.nodes} <= known
    assert fold(events[:-1], plan).answer == story["state"]["answer"]


def ids_of(plan):
    for node in plan.nodes:
        yield node.id
        yield from ids_of(node.body) if node.body else ()


def paused(events):
    """Whether the run is put aside, also when some have answered."""
    there = [event for event in events if not isinstance(event, NodeAnswered)]
    return isinstance(there[-1], RunPaused)


def test_the_stories_hold_every_kind_of_event():
    told = {event["kind"] for path in STORIES for event in json.loads(path.read_text())["events"]}
    assert told == set(KINDS)
