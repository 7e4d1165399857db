"""Imports from the web and external knowledge in a real browser: wide and narrow, light and dark."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.datasets.models import Dataset, WebImport
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.external_datasets import create_external_dataset
from apps.datasets.services.importing_work import work
from tests.browser.conftest import aside
from tests.datasets.website import Website, website

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
#: Where pictures go when somebody wants to look at them.
PICTURES = os.environ.get("PAGE_PICTURES", "")


@pytest.fixture
def site(settings) -> Iterator[Website]:
    with website() as served:
        settings.EGRESS_ALLOW = f"127.0.0.1:{served.port}"
        yield served


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def in_every_light(page: Page, name: str) -> None:
    """Nothing makes the page wider than its window, be it that of a phone."""
    picture(page, name)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    picture(page, f"{name}-dark")
    page.set_viewport_size({"width": 375, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
    picture(page, f"{name}-375")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_an_import_is_followed_while_it_runs(
    server: str, member: User, open_page: OpenPage, team: Team, site: Website
) -> None:
    dataset: Dataset = aside(lambda: create_dataset(team_id=team.id, name="Handbook"))
    site.article("/guide/a-page-with-a-rather-long-address-that-has-to-be-cut-somewhere", "A hive has four feet.")
    site.put("/robots.txt", "User-agent: *\nDisallow: /private", type="text/plain")
    page = open_page(server, f"/datasets/{dataset.slug}/", user=member)
    in_every_light(page, "documents")
    page.get_by_role("link", name="From the web").click()
    addresses = ["/guide/a-page-with-a-rather-long-address-that-has-to-be-cut-somewhere", "/private", "/missing"]
    page.get_by_label("Addresses").fill("\n".join(site.url(path) for path in addresses))
    in_every_light(page, "web-form")
    page.get_by_role("button", name="Fetch the pages").click()
    expect(page.get_by_text("0 of 3 pages looked at")).to_be_visible()
    picture(page, "web-running")
    aside(lambda: work(WebImport.objects.get().id))
    expect(page.get_by_text("3 of 3 pages looked at")).to_be_visible()
    expect(page.get_by_text("The page does not exist.")).to_be_visible()
    expect(page.get_by_text("robots.txt of the site asks not to")).to_be_visible()
    in_every_light(page, "web-import")
    page.get_by_role("link", name="All imports").click()
    in_every_light(page, "web-imports")


def test_external_knowledge_is_connected(server: str, member: User, open_page: OpenPage, team: Team) -> None:
    page = open_page(server, "/datasets/new-external/", user=member)
    in_every_light(page, "external-new")
    dataset: Dataset = aside(
        lambda: create_external_dataset(
            team_id=team.id, name="Elsewhere", endpoint="https://k.example", knowledge_id="K", secret="s"
        )
    )
    page.goto(f"{server}/datasets/{dataset.slug}/connection/")
    expect(page.get_by_text("A key is stored.")).to_be_visible()
    in_every_light(page, "external-connection")
    page.goto(f"{server}/datasets/")
    in_every_light(page, "datasets")
