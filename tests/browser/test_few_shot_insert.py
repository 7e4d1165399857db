"""Examples from corrections inserted into the document with the editor's dialog: filled in, undone, saved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from accounts.models import User
from apps.workflows.models import Application

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]


def test_examples_are_inserted_by_keyboard_undone_and_saved(
    server: str, member: User, open_page: Callable[..., Page], make_app: Callable[..., Application]
) -> None:
    app = make_app()
    page = open_page(server, f"/apps/{app.slug}/document/#examples", user=member, expected="422")
    dialog = page.locator("#few-shot")
    editor = page.get_by_label("Document (YAML)")
    expect(dialog).to_be_visible()
    before = editor.input_value()
    dialog.get_by_label("How many at most").fill("21")
    page.keyboard.press("Enter")
    expect(dialog.locator("[data-error=k]")).to_contain_text("20")
    expect(dialog.get_by_label("How many at most")).to_be_focused()
    dialog.get_by_label("How many at most").fill("4")
    dialog.get_by_label("Token budget").fill("800")
    dialog.get_by_label("Least similarity").fill("0.4")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator(".toast")).to_contain_text("shows up to 4 examples")
    after = editor.input_value()
    assert "token_budget: 800" in after
    chosen = editor.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert "few_shot" in chosen
    page.keyboard.press("Control+z")
    expect(editor).to_have_value(before)
    page.get_by_role("button", name="Insert: examples from corrections").press("Enter")
    dialog.get_by_label("How many at most").fill("5")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Save a new version").press("Enter")
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    connections.close_all()
    app.refresh_from_db()
    assert app.draft is not None
    (node,) = [each for each in app.draft.document["nodes"] if each["type"] == "llm"]
    assert node["config"]["few_shot"]["k"] == 5
