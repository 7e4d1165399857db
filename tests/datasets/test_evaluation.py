"""Measuring retrieval: the measures themselves, the command, and evaluations that a worker does in pieces."""

import json
import math

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.datasets.models import Evaluation
from apps.datasets.services import evaluate_jobs
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.evaluate import DEFAULT_VARIANTS, Variant, measure, read_questions
from apps.datasets.services.evaluate_jobs import start_evaluation, unfinished_evaluations, work_on
from apps.datasets.text.metrics import difference, interval, ndcg, recall, reciprocal_rank
from support.errors import InvalidInput
from tests.datasets.making import put

TEXTS = {
    "queens.txt": "A queen lays up to two thousand eggs a day in early summer.",
    "swarms.txt": "A swarm leaves the hive with the old queen, usually in May.",
    "winter.txt": "In winter the bees form a cluster and eat their stores of honey.",
    "蜂王.txt": "蜂王每天最多产卵两千粒，尤其是在初夏。",
}
QUESTIONS = [
    {"id": "a", "question": "How many eggs does a queen lay?", "relevant": ["queens"]},
    {"id": "b", "question": "when does a swarm leave", "relevant": {"swarms.txt": 2, "queens.txt": 1}},
    {"query": "蜂王每天产多少卵？", "relevant": ["蜂王"]},
    {"question": "zyzzyva", "relevant": ["nothing.txt"]},
]


@pytest.fixture
def filled(dataset):
    for name, text in TEXTS.items():
        put(dataset, name, text)
    return dataset


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(each, ensure_ascii=False) for each in QUESTIONS) + "\n\n")
    return path


def test_the_measures_are_those_of_the_books():
    ranking, relevant = ["x", "a", "b"], {"a": 1.0, "b": 1.0, "c": 1.0}
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert ndcg(ranking, relevant) == pytest.approx((1 / math.log2(3) + 1 / 2) / ideal)
    assert (recall(ranking, relevant, k=1), recall(ranking, relevant, k=3)) == (0, pytest.approx(2 / 3))
    assert reciprocal_rank(ranking, relevant) == 0.5
    assert ndcg(["b", "a"], {"a": 3.0, "b": 1.0}) < ndcg(["a", "b"], {"a": 3.0, "b": 1.0}) == 1
    assert ndcg([], relevant) == reciprocal_rank(["x"], relevant) == recall([], {}, k=5) == 0


def test_an_interval_holds_the_mean_and_is_the_same_each_time():
    values = [0.0, 1.0] * 50
    found = interval(values)
    assert found == interval(values)
    assert found.low < found.mean == 0.5 < found.high
    assert 0.38 < found.low < 0.45
    assert interval([0.7]).low == 0.7
    gap = difference([1.0, 0.9, 0.8] * 20, [0.5, 0.4, 0.4] * 20)
    assert gap.low > 0.4


def test_the_command_prints_every_method_with_its_interval(filled, questions, capsys):
    call_command("evaluate_retrieval", "handbook", str(questions), "--json", "--team", "bees")
    report = json.loads(capsys.readouterr().out)
    assert report["questions"] == 4
    by_name = {row["variant"]["name"]: row for row in report["variants"]}
    assert by_name.keys() == {"hybrid", "semantic", "full_text"}
    words = by_name["full_text"]["measures"]
    assert words["mrr"]["mean"] == 0.75
    assert words["recall@10"]["mean"] == 0.625
    assert words["ndcg@10"]["low"] < words["ndcg@10"]["mean"]
    assert "difference" in by_name["full_text"]


def test_the_command_compares_what_it_is_told_to_and_draws_it(filled, questions, capsys):
    call_command(
        "evaluate_retrieval",
        "handbook",
        str(questions),
        "--variant=ranks:method=hybrid,fusion=rrf",
        "--variant=words first:method=hybrid,weight=0.9",
        "--only-variants",
        "--limit=2",
        "--team=bees",
    )
    printed = capsys.readouterr().out
    assert "ranks" in printed
    assert "words first against ranks" in printed
    assert "#" in printed
    with pytest.raises(CommandError, match="no dataset"):
        call_command("evaluate_retrieval", "elsewhere", str(questions), "--team=bees")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "Line 1 is not JSON"),
        ('{"question": "x"}', "Line 1 needs"),
        ('{"question": " ", "relevant": ["a"]}', "Line 1 needs"),
        ('{"question": "x", "relevant": {"a": "much"}}', "Line 1 needs"),
        ("[1]", "Line 1 needs"),
        ("", "no question"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(line, expected):
    with pytest.raises(InvalidInput, match=expected):
        read_questions([line])


def test_an_evaluation_is_done_in_pieces_and_says_how_far_it_is(filled, questions):
    asked = read_questions(questions.read_bytes().splitlines())
    evaluation = start_evaluation(filled, name="first", questions=asked, variants=DEFAULT_VARIANTS)
    assert (evaluation.total, evaluation.state) == (12, "waiting")
    assert work_on(evaluation.id, seconds=0)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.done) == ("running", 1)
    pieces = 1
    while work_on(evaluation.id, seconds=0):
        pieces += 1
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.done, pieces) == ("ready", 12, 11)
    in_one_go = start_evaluation(filled, name="again", questions=asked, variants=DEFAULT_VARIANTS)
    assert not work_on(in_one_go.id)
    in_one_go.refresh_from_db()
    assert [row["measures"] for row in in_one_go.summary] == [row["measures"] for row in evaluation.summary]
    assert [row["variant"]["name"] for row in evaluation.summary] == ["hybrid", "semantic", "full_text"]


def test_an_evaluation_whose_worker_died_is_found_and_gone_on_with(filled, questions):
    asked = read_questions(questions.read_bytes().splitlines())
    evaluation = start_evaluation(filled, name="first", questions=asked, variants=DEFAULT_VARIANTS)
    Evaluation.objects.filter(id=evaluation.id).update(state="running", lease_until="2020-01-01T00:00:00Z")
    assert unfinished_evaluations() == [evaluation.id]
    assert not work_on(evaluation.id)
    assert unfinished_evaluations() == []


@pytest.fixture
def slow_question(filled, monkeypatch):
    """The worker's time runs out during a question: once, or whenever it is asked."""
    times = {"left": 1}

    def run_out(measured, **asked):
        if asked["question"].id == "b" and times["left"]:
            times["left"] -= 1
            raise SoftTimeLimitExceeded
        measure(measured, **asked)

    monkeypatch.setattr(evaluate_jobs, "measure", run_out)
    return times


def test_an_evaluation_whose_worker_runs_out_of_time_goes_on_where_it_was(filled, questions, slow_question):
    asked = read_questions(questions.read_bytes().splitlines())
    evaluation = start_evaluation(filled, name="first", questions=asked, variants=DEFAULT_VARIANTS)
    assert work_on(evaluation.id)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.done, evaluation.lease_until) == ("running", 1, None)
    assert not work_on(evaluation.id)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.done) == ("ready", 12)


def test_a_question_that_takes_longer_than_a_worker_may_ends_the_evaluation(filled, questions, slow_question):
    slow_question["left"] = 9
    asked = read_questions(questions.read_bytes().splitlines())
    evaluation = start_evaluation(filled, name="first", questions=asked, variants=DEFAULT_VARIANTS)
    assert work_on(evaluation.id)
    assert not work_on(evaluation.id)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.done) == ("error", 1)
    assert "longer than a worker" in evaluation.error


def test_an_evaluation_that_cannot_go_on_says_why(filled, questions):
    asked = read_questions(questions.read_bytes().splitlines())
    filled.space = "elsewhere/v9/1024"
    filled.save(update_fields=["space"])
    evaluation = start_evaluation(
        filled, name="first", questions=asked, variants=[Variant(name="v", method="semantic")]
    )
    assert not work_on(evaluation.id)
    evaluation.refresh_from_db()
    assert evaluation.state == "error"
    assert "elsewhere" in evaluation.error


def test_ways_of_searching_are_checked(team, questions):
    empty = create_dataset(team_id=team.id, name="Empty")
    with pytest.raises(InvalidInput):
        start_evaluation(empty, name="x", questions=read_questions(questions.read_bytes().splitlines()), variants=[])
    with pytest.raises(InvalidInput, match="magic"):
        Variant.read({"name": "x", "method": "magic"})
    with pytest.raises(InvalidInput, match="weight"):
        Variant.read({"name": "x", "colour": "red"})
