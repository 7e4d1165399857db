"""Probes: alive means the process answers, ready means what it needs answers too."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from apps.datasets.services.spaces_health import store_conditions
from apps.sandbox.selectors.condition import State, current_condition
from apps.traces.recorder.counters import recorder_counts


async def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """PostgreSQL, Redis and migrations are in order (503 with what is wrong otherwise).

    The sandbox, the vector stores and the recorder of traces are told besides. Without a sandbox only code nodes are
    off, a store that is down takes the datasets in it out and no others, and traces that were dropped are rebuilt, so
    none of them takes an instance out of service: off is as good as ok, and what is configured and not well makes the
    whole "degraded".
    """
    checks = {"postgresql": _database, "redis": _redis, "migrations": _migrations}
    found = {name: _outcome(check) for name, check in checks.items()}
    healthy = all(outcome == "ok" for outcome in found.values())
    sandbox = current_condition(timeout_s=1.0).state
    stores = _vector_stores() if healthy else {}
    traces = _outcome(_traces)
    well = sandbox in (State.OK, State.OFF) and {*stores.values(), traces} == {"ok"}
    status = "unavailable" if not healthy else "ok" if well else "degraded"
    # The state only: the reason names paths and the kernel, and anybody may ask here.
    return JsonResponse(
        {"status": status, "checks": {**found, "sandbox": sandbox.value, "traces": traces, **stores}},
        status=200 if healthy else 503,
    )


def _outcome(check: Callable[[], str]) -> str:
    try:
        return check()
    except (Error, redis.RedisError) as exc:
        # The class only: messages of drivers name hosts and users.
        return type(exc).__name__


def _traces() -> str:
    """Traces that were dropped a short while ago are being rebuilt; until then they are missing."""
    return "dropping" if recorder_counts().is_dropping else "ok"


def _vector_stores() -> dict[str, str]:
    return {f"vector_store_{name}": outcome for name, outcome in store_conditions().items()}


def _aliases() -> list[str]:
    return ["default"] if settings.TRACES_SHARE_DATABASE else ["default", "traces"]


def _database() -> str:
    for alias in _aliases():
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    return "ok"


def _redis() -> str:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        client.ping()
    return "ok"


def _migrations() -> str:
    for alias in _aliases():
        executor = MigrationExecutor(connections[alias])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "pending"
    return "ok"
