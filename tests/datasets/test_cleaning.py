"""A dataset's own way of cleaning: chosen on its page, applied when documents are read, and stopped when it hangs."""

import pytest
from django.urls import reverse

from apps.datasets.models import Chunk
from apps.datasets.pages.cleaning_rules import read_rules, written_rules
from apps.datasets.selectors.documents import reason_of
from apps.datasets.services.datasets import change_settings
from apps.datasets.settings_of_dataset import CleaningRule, checked_settings, read_settings
from apps.datasets.text import rules
from apps.datasets.text.errors import RuleTooSlow
from tests.datasets.making import put

HANGS = {"pattern": "(a+)+$", "replace": ""}


def test_rules_that_are_written_on_the_page_clean_what_is_read(client, editor, dataset):
    client.force_login(editor)
    page = reverse("datasets:chunking", args=[dataset.slug])
    lines = "^Confidential.*$\n(\\d+) kg => \\1 kilograms"
    choice = {"mode": "general", "size": "500", "unit": "characters", "overlap": "0"}
    choice |= {"parent_mode": "section", "parent_size": "4000", "spaces": "on", "urls_emails": "on", "rules": lines}
    assert client.post(page, choice).url == page
    assert "(\\d+) kg =&gt; \\1 kilograms" in client.get(page).content.decode()
    put(dataset, "hives.txt", "Confidential, hive book\nA hive weighs 12 kg, says a@b.example.")
    dataset.refresh_from_db()
    assert Chunk.objects.get(dataset=dataset).text == "A hive weighs 12 kilograms, says ."


def test_a_rule_that_is_none_is_refused_with_its_number(client, editor, dataset):
    client.force_login(editor)
    choice = {"mode": "general", "size": "500", "unit": "characters", "overlap": "0"}
    choice |= {"parent_mode": "section", "parent_size": "4000", "rules": "good => fine\n(half"}
    answer = client.post(reverse("datasets:chunking", args=[dataset.slug]), choice).content.decode()
    assert "cleaning.rules[1]" in answer
    assert "(half" in answer


def test_a_rule_that_never_ends_is_stopped_and_named(dataset):
    change_settings(dataset, {"cleaning": {"rules": [{"pattern": "bee", "replace": "Bee"}, HANGS]}})
    document = put(dataset, "trap.txt", "a" * 60 + "!").document
    assert document.status == "error"
    assert document.error["code"] == "cleaning_rule"
    assert "Cleaning rule 2 ((a+)+$)" in reason_of(document)


def test_the_process_that_cleans_goes_on_after_a_rule_was_stopped():
    with pytest.raises(RuleTooSlow) as stopped:
        rules.apply_rules("a" * 60 + "!", [("(a+)+$", "")], seconds=0.05)
    assert stopped.value.params["number"] == 1
    assert rules.apply_rules("aaa", [("a", "b")], seconds=0.05) == "bbb"


def test_rules_survive_the_way_through_the_form():
    written = (
        CleaningRule(pattern="a => b", replace=""),
        CleaningRule(pattern=" two ", replace=" "),
        CleaningRule(pattern="x", replace="\\n"),
    )
    again = read_rules(written_rules(written))
    assert [CleaningRule(**each) for each in again] == list(written)
    assert read_rules(written_rules([CleaningRule(pattern="x", replace="=>")])) == [
        {"pattern": "x", "replace": "=\\076"}
    ]


def test_control_characters_are_not_a_choice():
    assert "control" not in checked_settings({"cleaning": {"control": True, "spaces": False}})["cleaning"]
    assert read_settings({"cleaning": {"control": False}}).cleaning == read_settings({}).cleaning
