"""What the filter of a queue finds: traces by status, cost or a saved view, and items that were scored low."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.db.models import QuerySet

from apps.annotations.models import QueueItem, ReviewQueue
from apps.traces.selectors.lists import of_teams, question_of, rows_of
from apps.traces.selectors.saved_views import Viewer, open_view, views_for
from apps.traces.selectors.traces import as_uuid
from apps.workflows.selectors.runs import EXPERIMENT
from support.errors import InvalidInput

Feed = ReviewQueue.Feed
TRACES = "traces"


def matching_traces(queue: ReviewQueue, *, since: dt.datetime) -> QuerySet[Any]:
    """The traces since then that the queue's filter means, oldest first. Raises InvalidInput, NotFound."""
    parameters = {**_parameters(queue), "from": since.isoformat()}
    parameters.pop("to", None)
    if queue.application_id:
        parameters["app"] = str(queue.application_id)
    question = question_of(parameters, table=TRACES)
    # What experiments ask is judged there; a saved view may want it nevertheless.
    live = of_teams(TRACES, [queue.team_id])
    live = live if "source" in parameters else live.exclude(source=EXPERIMENT)
    return rows_of(question, within=live, team_ids=[queue.team_id]).order_by("started_at", "id")


def low_scored(queue: ReviewQueue, *, since: dt.datetime) -> QuerySet[QueueItem]:
    """Items of other queues that got less than the queue's threshold, for its question, since then."""
    options = queue.feed_options
    config, below = as_uuid(str(options.get("config", ""))), options.get("below")
    if config is None or below is None:
        raise InvalidInput("Low scores need a question and a threshold.", field="feed_options")
    found = QueueItem.objects.filter(
        team_id=queue.team_id,
        scores__config_id=config,
        scores__number__lt=below,
        scores__created_at__gte=since,
    ).exclude(queue=queue)
    if queue.application_id:
        found = found.filter(application_id=queue.application_id)
    ids = found.order_by("subject_id", "id").distinct("subject_id").values("id")
    return QueueItem.objects.filter(id__in=ids).order_by("id")


def views_to_choose(*, team_id: UUID, user_id: UUID) -> list[tuple[str, str]]:
    """The saved views of traces that a person may fill a queue from."""
    seen = views_for(Viewer(team_id=team_id, user_id=user_id), table=TRACES).shown
    return [(str(view.id), view.name) for view in seen]


def _parameters(queue: ReviewQueue) -> dict[str, str]:
    options = queue.feed_options
    match queue.feed:
        case Feed.ERRORS:
            return {"status": "troubled"}
        case Feed.EXPENSIVE:
            return {"cost": str(options.get("cost", ""))}
        case Feed.SAMPLE:
            return {}
        case Feed.VIEW:
            return _parameters_of_view(queue)
    raise InvalidInput("This queue is not filled from traces.", field="feed")


def _parameters_of_view(queue: ReviewQueue) -> dict[str, str]:
    """The filters of the view as they are now; its order and range do not matter to a queue."""
    view_id = as_uuid(str(queue.feed_options.get("view", "")))
    if view_id is None or queue.created_by_id is None:
        raise InvalidInput("The queue names no saved view.", field="feed_options")
    viewer = Viewer(team_id=queue.team_id, user_id=queue.created_by_id)
    query = open_view(view_id, viewer=viewer, table=TRACES).query
    return {name: value for name, value in parse_qsl(query) if name not in ("from", "to", "since", "sort")}
