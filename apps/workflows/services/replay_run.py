"""Recorded runs as regression tests: made of runs' logs, played with this release, written to files without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from apps.workflows.adapters.code import SandboxedCode
from apps.workflows.dsl import compile_document
from apps.workflows.engine.differing import Difference
from apps.workflows.engine.forking import steps_of
from apps.workflows.engine.graph import PlanNode
from apps.workflows.engine.journal import Numbered
from apps.workflows.engine.node import own_keys
from apps.workflows.engine.past import Place
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.rehearsal import refusing_ports, rehearse
from apps.workflows.engine.story import Story, story_from_dict, story_to_dict
from apps.workflows.models import Run
from apps.workflows.nodes.registry import REGISTRY
from apps.workflows.selectors.concealing import WORDS, concealed_log
from apps.workflows.selectors.events import stored_events
from support.errors import Conflict
from support.ids import uuid7

#: What these give follows from what they are given (human-input: and from the reply).
PURE: Final = frozenset(
    {
        *("start", "trigger-webhook", "trigger-schedule", "answer", "end", "human-input", "unavailable"),
        *("if-else", "variable-aggregator", "list-operator", "assigner", "iteration", "loop", "loop-end"),
    }
)
#: Theirs too, unless somebody says otherwise; but they need the sandbox.
IN_SANDBOX: Final = frozenset({"code", "template-transform"})
#: A node with this key and the value `record` always answers from the record.
MARK: Final = "x-replay"
#: Ends that somebody or something else brought about: no run of the document comes to them by itself.
_FROM_OUTSIDE: Final = frozenset({"stopped", "interrupted", "run_timeout", "internal_error"})


class NotReplayable(Conflict):
    """The record of this run cannot be played."""

    code = "not_replayable"


def story_of(run: Run) -> Story:
    """The story of a run, for playing it at once. Raises NotReplayable."""
    return _told(run, stored_events(run.id))


def concealed_story_of(run: Run) -> Story:
    """The same without the app's secrets, for files. Raises NotReplayable."""
    return _told(run, concealed_log(run.id, stored_events(run.id), WORDS))


def _told(run: Run, numbered: Iterable[Numbered]) -> Story:
    story = Story(
        name=f"{run.application.slug} {run.id}",
        document=run.version.document,
        conversation=run.variables,
        entry=run.entry or None,
        events=[event for _, event in numbered],
    )
    return _playable(story)


def _playable(story: Story) -> Story:
    kinds = {event.kind for event in story.events}
    if not {"run_started", "node_started"} <= kinds:
        raise NotReplayable("No step of this run was recorded.")
    error = story.finished.error if story.finished else None
    if story.finished and (story.finished.status == "stopped" or (error and error.code in _FROM_OUTSIDE)):
        raise NotReplayable("This run was ended from outside.")
    if story.finished is None and "run_paused" not in kinds:
        raise NotReplayable("This run has no end yet.")
    return story


async def replay(story: Story, *, sandbox: bool = False) -> list[Difference]:
    """What this release does in another way than the record says; with `sandbox`, code runs again as well."""
    names = PURE | IN_SANDBOX if sandbox else PURE
    fixed = set(_from_record(story.document, ()))

    def pure(place: Place, node: PlanNode) -> bool:
        around = tuple(step.node_id for step in steps_of(place[0]))
        return node.type in names and (around, node.id) not in fixed

    return await rehearse(compile_document(story.document), story, pure=pure, ports=_ports(sandbox=sandbox))


def _ports(*, sandbox: bool) -> Ports:
    ports = refusing_ports()
    if not sandbox:
        return ports
    return replace(ports, code=SandboxedCode(uuid7()))


def _from_record(graph: Mapping[str, Any], around: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Nodes that are marked, or that use the app's environment, whose values no story has."""
    for node in graph["nodes"]:
        config = own_keys(node.get("config") or {})
        used = {use.reference.root for use in REGISTRY[node["type"]].uses(config)} if node["type"] in REGISTRY else {}
        if "env" in used or node.get(MARK) == "record" or (node.get("config") or {}).get(MARK) == "record":
            yield around, node["id"]
        if "body" in config:
            yield from _from_record(config["body"], (*around, node["id"]))


def write_story(story: Story, directory: Path) -> Path:
    """Write a story into a file of its own; returns where it is."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{story.name.replace(' ', '-')}.json"
    path.write_text(json.dumps(story_to_dict(story), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_story(path: Path) -> Story:
    """The story in a file. Raises NotReplayable."""
    try:
        return _playable(story_from_dict(json.loads(path.read_text(encoding="utf-8"))))
    except (ValueError, KeyError, TypeError) as exc:
        raise NotReplayable(f"{path} holds no story: {exc}") from exc
