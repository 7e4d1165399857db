"""Partitions: made ahead, filled by id, pruned by lists and dropped whole."""

import datetime as dt

import pytest
from django.db import connections

from apps.traces.models import AgentThought, ForeignTrace, Span, SpanPayload, Trace
from apps.traces.recorder import store
from apps.traces.recorder.fold import fold
from apps.traces.services.partitions import drop_month, following, make_partitions, month_of, partitions
from apps.traces.services.store_foreign import store_foreign
from apps.traces.tasks import make_missing_partitions
from support.ids import earliest, uuid7
from tests.traces import stories
from tests.traces.test_foreign import span

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
LONG_AGO = dt.datetime(2024, 2, 20, 12, tzinfo=dt.UTC)
MODELS = (Trace, Span, SpanPayload, AgentThought)


def places(model) -> set[str]:
    with connections["traces"].cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT tableoid::regclass::text FROM {model._meta.db_table}")
        return {row[0].removeprefix(model._meta.db_table) for row in cursor.fetchall()}


def write_at(moment: dt.datetime) -> Trace:
    story = stories.retrieval_chat(run_id=earliest(moment))
    story = stories.moved(story, ago=dt.datetime.now(dt.UTC).timestamp() - moment.timestamp())
    store.write([fold(story.run, story.log)])
    return Trace.objects.get(id=story.run.run_id)


def test_this_month_and_some_ahead_are_there_for_all_tables():
    make_missing_partitions()
    months = {partition.month for partition in partitions()}
    month = month_of(dt.datetime.now(dt.UTC))
    for _ in range(4):
        assert month in months
        month = following(month)
    assert len(partitions()) == 4 * len(months)
    assert make_partitions() == []


def test_rows_of_a_month_that_nobody_made_move_into_it_when_it_is_made():
    trace = write_at(LONG_AGO)
    before = {model: list(model.objects.order_by("pk").values()) for model in MODELS}
    assert [places(model) for model in MODELS] == [{"_default"}] * 4
    made = make_partitions()
    assert {name.rpartition("_2024_02")[0] for name in made if name.endswith("2024_02")} == {
        model._meta.db_table for model in MODELS
    }
    assert [places(model) for model in MODELS] == [{"_2024_02"}] * 4
    assert {model: list(model.objects.order_by("pk").values()) for model in MODELS} == before
    store.write([fold(*_again(trace))])
    assert Trace.objects.count() == 1


def test_a_dropped_month_takes_its_traces_and_leaves_the_others():
    old, new = write_at(LONG_AGO), write_at(dt.datetime.now(dt.UTC))
    team = uuid7()
    store_foreign(team, [span(1)])
    make_partitions()
    names = drop_month(LONG_AGO)
    assert sorted(names) == sorted(f"{model._meta.db_table}_2024_02" for model in MODELS)
    assert not Trace.objects.filter(id=old.id).exists()
    assert not Span.objects.filter(trace=old).exists()
    assert Span.objects.filter(trace=new).count() == new.span_count
    assert ForeignTrace.objects.filter(team_id=team).exists()
    assert drop_month(LONG_AGO) == []


def test_the_ids_of_foreign_traces_are_forgotten_with_their_month():
    store_foreign(uuid7(), [span(1)])
    month = month_of(Trace.objects.get().started_at)
    make_partitions()
    drop_month(month)
    assert not ForeignTrace.objects.exists()


@pytest.mark.parametrize("moment", [dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2999, 7, 1, tzinfo=dt.UTC)])
def test_times_of_broken_clocks_get_no_partition_of_their_own(moment):
    store.write([fold(*_told_at(moment))])
    assert not [name for name in make_partitions() if moment.strftime("%Y") in name]
    assert places(Trace) == {"_default"}


def test_a_new_partition_is_like_its_table():
    make_partitions(now=dt.datetime(2031, 5, 1, tzinfo=dt.UTC), ahead=0)
    with connections["traces"].cursor() as cursor:
        for table in (model._meta.db_table for model in MODELS):
            found = []
            for name in (f"{table}_default", f"{table}_2031_05"):
                cursor.execute(
                    "SELECT (SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass), "
                    "(SELECT array_agg((attname, attnotnull, attcompression::text)::text ORDER BY attname) "
                    "FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped)",
                    [name, name],
                )
                found.append(cursor.fetchone())
            assert found[0] == found[1]


def test_a_range_of_ids_reads_its_months_only():
    make_partitions()
    now = dt.datetime.now(dt.UTC)
    recent = Trace.objects.filter(id__gte=earliest(now - dt.timedelta(hours=1)), id__lt=earliest(now))
    plan = recent.explain()
    assert f"traces_trace_{month_of(now):%Y_%m}" in plan
    assert f"traces_trace_{following(month_of(now)):%Y_%m}" not in plan


def _told_at(moment: dt.datetime):
    story = stories.retrieval_chat(run_id=earliest(moment))
    return story.run, story.log


def _again(trace: Trace):
    story = stories.retrieval_chat(run_id=trace.id)
    return story.run, story.log
