"""Teams, people and traces of runs, as the screens of traces need them."""

from collections.abc import Callable

import pytest

from accounts.models import Membership, Role, Team, User
from apps.traces.models import AgentThought, Rollup, Span, SpanPayload, Trace
from apps.traces.recorder.fold import fold
from apps.traces.recorder.store import write
from tests.traces import stories


@pytest.fixture(autouse=True)
def _nothing_of_others(request: pytest.FixtureRequest) -> None:
    """A process of another test may have written its last trace after that test was tidied up."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None or marker.kwargs.get("transaction") or "traces" not in marker.kwargs.get("databases", ()):
        return
    request.getfixturevalue("db")
    for model in (SpanPayload, AgentThought, Span, Trace, Rollup):
        model.objects.all()._raw_delete("traces")


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def operator(team: Team) -> User:
    """Somebody who may look at the traces of one team."""
    user = User.objects.create_user(username="olga", password="a long password", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.OPERATOR)
    return user


@pytest.fixture
def record(team: Team) -> Callable[..., Trace]:
    """Writes the trace of a told run, of the team unless said otherwise, at some time of the past."""

    def write_story(
        tell: Callable[..., stories.Story] = stories.retrieval_chat, *, ago: float = 60, **changes
    ) -> Trace:
        changes.setdefault("team_id", team.id)
        story = stories.moved(tell(**changes), ago=ago)
        write([fold(story.run, story.log)])
        return Trace.objects.get(id=story.run.run_id)

    return write_story
