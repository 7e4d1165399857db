"""What becomes of an alert when its figure is read: every way from one state to another, and what is told."""

import datetime as dt

import pytest

from apps.traces.services.alerts.verdict import Rule, Standing, judge, worse

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
ABOVE = Rule(direction="above", threshold=5.0)
HOURLY = Rule(direction="above", threshold=5.0, remind_after=dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("before", "value", "after", "told"),
    [
        ("unknown", 4.0, "ok", None),
        ("unknown", 6.0, "firing", "fired"),
        ("ok", 5.0, "ok", None),  # the threshold itself is within bounds
        ("ok", 5.01, "firing", "fired"),
        ("firing", 9.0, "firing", None),
        ("firing", 5.0, "ok", "recovered"),
        ("no_data", 1.0, "ok", "recovered"),
        ("no_data", 6.0, "firing", "fired"),
    ],
)
def test_a_figure_moves_an_alert_and_each_new_state_is_told_once(before, value, after, told):
    verdict = judge(ABOVE, Standing(state=before, notified_at=NOW), value, at=NOW)
    assert (verdict.state, verdict.tell) == (after, told)


@pytest.mark.parametrize(
    ("rule", "before", "after", "told"),
    [
        ("keep", "ok", "ok", None),
        ("keep", "firing", "firing", None),
        ("keep", "unknown", "unknown", None),
        ("keep", "no_data", "unknown", "recovered"),
        ("ok", "firing", "ok", "recovered"),
        ("ok", "unknown", "ok", None),
        ("tell", "ok", "no_data", "no_data"),
        ("tell", "firing", "no_data", "no_data"),
        ("tell", "no_data", "no_data", None),
    ],
)
def test_without_data_an_alert_does_what_its_rule_says(rule, before, after, told):
    chosen = Rule(direction="above", threshold=5.0, no_data=rule)
    verdict = judge(chosen, Standing(state=before, notified_at=NOW), None, at=NOW)
    assert (verdict.state, verdict.tell) == (after, told)


def test_below_is_the_other_way_round():
    below = Rule(direction="below", threshold=10)
    assert [judge(below, Standing(state="ok"), value, at=NOW).state for value in (9.9, 10, 11)] == [
        "firing",
        "ok",
        "ok",
    ]


@pytest.mark.parametrize("state", ["firing", "no_data"])
@pytest.mark.parametrize(
    ("minutes", "told"),
    [(59, None), (60, "reminder"), (600, "reminder")],
)
def test_trouble_that_lasts_is_told_again_after_the_pause(state, minutes, told):
    rule = Rule(direction="above", threshold=5, remind_after=dt.timedelta(hours=1), no_data="tell")
    standing = Standing(state=state, notified_at=NOW - dt.timedelta(minutes=minutes))
    value = 6.0 if state == "firing" else None
    assert judge(rule, standing, value, at=NOW).tell == told


def test_what_is_well_is_never_told_again():
    assert judge(HOURLY, Standing(state="ok", notified_at=NOW - dt.timedelta(days=9)), 1.0, at=NOW).tell is None


def test_the_end_of_trouble_is_told_to_those_who_want_it_only():
    quiet = Rule(direction="above", threshold=5, tells_recovery=False)
    verdict = judge(quiet, Standing(state="firing"), 1.0, at=NOW)
    assert (verdict.state, verdict.tell) == ("ok", None)


def test_the_worst_figure_is_the_one_furthest_out():
    below = Rule(direction="below", threshold=5)
    assert (worse(ABOVE, 6.0, 9.0), worse(below, 4.0, 2.0), worse(ABOVE, None, 7.0), worse(ABOVE, None, None)) == (
        9.0,
        2.0,
        7.0,
        None,
    )
