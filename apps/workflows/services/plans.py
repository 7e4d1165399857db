"""Compiled versions, kept by the process that runs them."""

from __future__ import annotations

import logging
from typing import Final
from uuid import UUID

from apps.workflows.dsl import compile_document
from apps.workflows.engine.graph import Plan
from apps.workflows.models import Version
from support.errors import ConsoleError

logger = logging.getLogger(__name__)

MAX_PLANS: Final = 500
_plans: dict[UUID, Plan] = {}


class CannotRun(ConsoleError):
    """The version's document means nothing to this release of the console."""

    code = "app_unavailable"
    http_status = 400


def plan_of(version: Version) -> Plan:
    """The version's compiled plan; compiled once per process and shared by all of its runs. Raises CannotRun."""
    plan = _plans.get(version.id)
    if plan is None:
        try:
            plan = compile_document(version.document)
        except Exception as exc:  # border: a document that was valid when it was saved may not fit this release
            logger.exception("version %s cannot be compiled", version.id)
            message = f"Version {version.number} of this app cannot be run any more. Open it, correct it, publish it."
            raise CannotRun(message, reason=str(exc)[:500]) from exc
        if len(_plans) >= MAX_PLANS:
            _plans.pop(next(iter(_plans)))
        _plans[version.id] = plan
    return plan
