"""Roll-ups: whatever is written is counted once, by hour and by day, and what is read back adds up."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.traces.models import Rollup
from apps.traces.recorder import store
from apps.traces.recorder.fold import fold
from apps.traces.selectors import rollups
from support.ids import uuid7
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
TEAM = uuid7()


def write(*told: stories.Story, **changes) -> None:
    store.write([fold(story.run, story.log) for story in told], **changes)


def around(*told: stories.Story, **changes) -> rollups.Where:
    """The hours of the told runs."""
    moments = [dt.datetime.fromtimestamp(story.log[0][1].at, dt.UTC) for story in told]
    hour = dt.timedelta(hours=1)
    return rollups.Where(team_ids=[TEAM], since=min(moments) - hour, until=max(moments) + hour, **changes)


def test_runs_are_counted_with_their_tokens_durations_and_failures():
    told = [
        stories.retrieval_chat(team_id=TEAM),
        stories.broken_stream(team_id=TEAM),
        stories.stopped_run(team_id=TEAM),
    ]
    records = [fold(story.run, story.log) for story in told]
    store.write(records)
    found = rollups.totals(around(*told))
    assert (found.count, found.errors, found.stopped) == (3, 1, 1)
    assert found.input_tokens == sum(record.trace.input_tokens for record in records)
    assert found.duration_us == sum(record.trace.duration_us for record in records)
    assert found.spans == sum(len(record.spans) for record in records)
    longest = max(record.trace.duration_us for record in records)
    assert found.durations.quantile(1) == pytest.approx(longest, rel=0.05)


def test_a_run_that_is_written_twice_is_counted_once_and_its_batch_as_well():
    first, second = stories.retrieval_chat(team_id=TEAM), stories.retrieval_chat(team_id=TEAM)
    write(first)
    write(first, second)
    write(second)
    assert rollups.totals(around(first, second)).count == 2


def test_a_run_that_is_replaced_counts_as_it_is_now():
    story = stories.retrieval_chat(team_id=TEAM)
    store.write([fold(story.run, story.log[:5])])
    assert rollups.totals(around(story)).stopped == 1
    write(story, replace=True)
    found, whole = rollups.totals(around(story)), fold(story.run, story.log)
    assert (found.count, found.stopped, found.input_tokens) == (1, 0, whole.trace.input_tokens)
    assert (found.durations.total, found.duration_us) == (1, whole.trace.duration_us)
    assert rollups.totals(around(story), of="model").count == 1


def test_calls_are_counted_by_model_and_runs_by_user():
    app = uuid7()
    told = [
        stories.retrieval_chat(team_id=TEAM, application_id=app, end_user=user) for user in ("mei", "mei", "olga", "")
    ]
    write(*told)
    users = rollups.breakdown(around(*told), by="user")
    assert [(portion.name, portion.figures.count) for portion in users] == [("mei", 2), ("olga", 1)]
    models = rollups.breakdown(around(*told), by="model")
    assert [portion.figures.count for portion in models] == [4]
    assert rollups.totals(around(*told, user="mei"), of="user").count == 2
    apps = rollups.breakdown(around(*told), by="app")
    assert [(portion.key, portion.name, portion.figures.count) for portion in apps] == [
        (str(app), "Ask the handbook", 4)
    ]


def test_whole_days_are_read_from_the_rows_of_days_and_give_the_same():
    start = dt.datetime(2026, 3, 2, 10, 30, tzinfo=dt.UTC)
    told = []
    for hours in (0, 1, 14, 30, 49, 50, 73):
        story = stories.retrieval_chat(team_id=TEAM)
        at = (start + dt.timedelta(hours=hours)).timestamp()
        told.append(stories.moved(story, ago=dt.datetime.now(dt.UTC).timestamp() - at))
    write(*told)
    where = rollups.Where(team_ids=[TEAM], since=start, until=start + dt.timedelta(hours=60))
    assert rollups.totals(where).count == 6
    by_hour, by_day = rollups.series(where, step="hour"), rollups.series(where, step="day")
    assert sum(figures.count for _at, figures in by_hour) == sum(figures.count for _at, figures in by_day) == 6
    assert [figures.count for _at, figures in by_day] == [2, 2, 2]
    assert by_hour[0][0] == start.replace(minute=0)
    for row in Rollup.objects.filter(grain="day"):
        hours = Rollup.objects.filter(grain="hour", dimension=row.dimension, name=row.name, app=row.app)
        assert row.count == sum(hour.count for hour in hours if hour.at.date() == row.at.date())


def test_filters_offer_what_there_was_and_no_more():
    told = stories.retrieval_chat(team_id=TEAM, end_user="mei", source="public")
    write(told, stories.retrieval_chat(team_id=uuid7(), end_user="somebody else"))
    where = around(told)
    asked = {"team_ids": [TEAM], "since": where.since, "until": where.until}
    assert rollups.choices("user", **asked) == [("mei", "mei")]
    assert rollups.choices("source", **asked) == [("public", "public")]
    assert [words for _value, words in rollups.choices("app", **asked)] == ["Ask the handbook"]
    assert rollups.choices("environment", **asked) == []


def test_costs_of_different_currencies_are_kept_apart():
    figures = rollups.Figures()
    for currency, cost in (("USD", "0.5"), ("CNY", "2"), ("USD", "0.25"), ("", "0")):
        figures.add({**dict.fromkeys(rollups._SUMMED, 1), "currency": currency, "cost": Decimal(cost)})
    assert figures.costs == {"USD": Decimal("0.75"), "CNY": Decimal(2)}
    assert figures.count == 4


def test_the_command_counts_days_anew_when_told(record, team, capsys):
    record(), record()
    before = list(Rollup.objects.order_by("id").values_list("dimension", "grain", "name", "count", "cost"))
    Rollup.objects.update(count=99)
    first, last = ((timezone.now() - dt.timedelta(days=days)).date().isoformat() for days in (1, 0))
    call_command("recount_traces", first, last)
    assert "2 days" in capsys.readouterr().out
    assert Rollup.objects.filter(count=99).exists()
    call_command("recount_traces", first, last, "--yes")
    assert "2 traces counted" in capsys.readouterr().out
    after = Rollup.objects.values_list("dimension", "grain", "name", "count", "cost")
    assert sorted(after) == sorted(before)
    with pytest.raises(CommandError, match="later"):
        call_command("recount_traces", last, first)
