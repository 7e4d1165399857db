"""The figures that need a database, Redis and servers on the wire: durable runs, and stops in the middle of a call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Team
from apps.workflows import services
from apps.workflows.adapters.http import GuardedHttp
from apps.workflows.adapters.models import TeamModels
from apps.workflows.engine.events import Event, NodeStarted, NodeText
from apps.workflows.models import Run
from benchmarks._engine.shapes import NO_PORTS
from benchmarks._engine.waiting import RUNS, fifty, stop_seen, with_log
from support.memory import settle
from tests.model_runtime.openai_server import Completion, OpenAIServer

APP = """
skep: 1
app: {name: Bench, kind: workflow}
nodes: [{id: start, type: start}, {id: end, type: end, config: {outputs: {said: sys.user}}}]
edges: [{from: start, to: end}]
"""
_HOUR = 3_600


def figures(server: OpenAIServer, *, rounds: int, stops: int) -> dict[str, Any]:
    """All of them; `server` becomes the installation's provider."""
    settings.ENV_PROVIDERS = [server.as_env_provider()]
    call_command("migrate", verbosity=0)
    settle()  # as the web process does
    team = Team.objects.create(slug="bench", name="Bench")
    run_ids = _rows(team, (rounds + 1) * RUNS)
    server.default = Completion("word " * 30, pause=0.1)
    return asyncio.run(_measured(team.id, run_ids, server, rounds, stops))


async def _measured(
    team_id: UUID, run_ids: list[UUID], server: OpenAIServer, rounds: int, stops: int
) -> dict[str, Any]:
    run = with_log(run_ids)
    await fifty(run, rounds=1, acts=True)  # connections, threads
    durable = await fifty(run, rounds=rounds, acts=True)
    return {
        "fifty_runs_acknowledged": {**durable, "target": 1.5},
        "stop_in_a_model_stream": await _stop_in_stream(team_id, stops),
        "stop_in_an_http_call": await _stop_in_call(stops),
        "target_stop_ms": 50,
    }


async def _stop_in_stream(team_id: UUID, times: int) -> dict[str, Any]:
    config = {"model": {"name": "default"}, "prompt": [{"role": "user", "text": "Talk."}]}
    ports = replace(NO_PORTS, models=TeamModels(team_id))
    return await stop_seen(_alone("llm", config), ports, at_work=lambda event: isinstance(event, NodeText), times=times)


async def _stop_in_call(times: int) -> dict[str, Any]:
    """A server that takes requests and says nothing."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(65_536)
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings.EGRESS_ALLOW = f"127.0.0.1:{port}"
    config = {"method": "GET", "url": f"http://127.0.0.1:{port}/", "timeouts": {"read": 60}}
    ports = replace(NO_PORTS, http=GuardedHttp())

    def at_work(event: Event) -> bool:
        return isinstance(event, NodeStarted) and event.node_id == "it"

    try:
        return await stop_seen(_alone("http-request", config), ports, at_work=at_work, times=times)
    finally:
        server.close()


def _alone(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "app": {"name": "bench", "kind": "workflow"},
        "nodes": [{"id": "start", "type": "start"}, {"id": "it", "type": kind, "config": config}],
        "edges": [{"from": "start", "to": "it"}],
    }


def _rows(team: Team, count: int) -> list[UUID]:
    """Accepted runs, for the log to be conditional on."""
    application, _ = services.import_document(text=APP, team_id=team.id)
    now = timezone.now()
    version = application.live
    assert version is not None
    rows = [
        Run(
            team_id=team.id,
            application=application,
            version=version,
            source=Run.Source.SHELL,
            started_at=now,
            lease_until=now + timezone.timedelta(seconds=_HOUR),
        )
        for _ in range(count)
    ]
    return [row.id for row in Run.objects.bulk_create(rows)]
