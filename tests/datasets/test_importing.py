"""Documents from the web: what is fetched, what is left alone, and what a second look at the pages finds."""

import gzip
import json
import os
import signal
import threading
import zlib

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.management import call_command
from django.utils import timezone

from accounts.services import create_api_key
from apps.datasets.models import Document, WebImport
from apps.datasets.services.documents import delete_document
from apps.datasets.services.errors import ImportUnderway
from apps.datasets.services.importing import (
    LEASE,
    overdue_imports,
    retry_import,
    start_import,
    stop_import,
    sync_import,
)
from apps.datasets.services.importing_fetch import Fetcher
from apps.datasets.services.importing_work import work
from apps.datasets.services.indexing import index_now
from apps.datasets.text.sitemaps import MAX_UNPACKED, SitemapError, read_sitemap
from support.errors import InvalidInput
from support.jobs import enqueue
from tests.datasets.making import wait_for
from tests.datasets.website import website


@pytest.fixture
def site(settings, monkeypatch):
    with website() as served:
        settings.EGRESS_ALLOW = f"127.0.0.1:{served.port}"
        monkeypatch.setenv("EGRESS_ALLOW", settings.EGRESS_ALLOW)  # for the workers that a test starts
        yield served


def run(web_import: WebImport) -> WebImport:
    while work(web_import.id, enqueue=False):
        pass
    web_import.refresh_from_db()
    return web_import


def path_of(url: str) -> str:
    return url.partition("//")[2].partition("/")[2]


def states(web_import: WebImport) -> dict[str, str]:
    return {
        url.partition("//")[2].partition("/")[2]: state for url, state in web_import.pages.values_list("url", "state")
    }


def reasons(web_import: WebImport) -> dict[str, str]:
    pages = web_import.pages.exclude(error=None)
    return {path_of(page.url): page.error["code"] for page in pages}


def sitemap(*urls: str, kind: str = "url", root: str = "urlset") -> str:
    listed = "".join(f"<{kind}><loc>{url}</loc></{kind}>" for url in urls)
    return f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</{root}>'


def begin(dataset, *urls: str, **options) -> WebImport:
    return start_import(dataset, urls=urls, enqueue=False, **options)


def test_pages_become_documents_with_a_readable_name_and_their_address(dataset, site):
    site.article("/guide/hives", "A hive stands on four feet.")
    site.put("/numbers.csv?all=1", "hive,weight\n1,12\n", type="text/csv")
    made = run(begin(dataset, site.url("/guide/hives#top"), site.url("/numbers.csv?all=1"), site.url("/guide/hives")))
    assert states(made) == {"guide/hives": "added", "numbers.csv?all=1": "added"}
    assert made.state == "done"
    first, second = Document.objects.order_by("id")
    assert first.name == f"127.0.0.1:{site.port}/guide/hives.html"
    assert second.name == f"127.0.0.1:{site.port}/numbers-all=1.csv"
    assert first.metadata == {"source": "website", "url": site.url("/guide/hives")}
    index_now(first.runs.get().id)
    assert "A hive stands on four feet." in first.chunks.get().text


def test_a_sitemap_leads_to_others_and_patterns_choose_among_what_they_list(dataset, site):
    inner = sitemap(site.url("/docs/b"), site.url("/docs/old/c"), site.url("/blog/d"))
    site.put(
        "/sitemap.xml", sitemap(site.url("/one.xml.gz"), site.url("/two.txt"), kind="sitemap", root="sitemapindex")
    )
    site.put("/one.xml.gz", gzip.compress(inner.encode()), type="application/gzip")
    site.put("/two.txt", site.url("/docs/a"), type="text/plain")
    for path in ("/docs/a", "/docs/b"):
        site.article(path, f"This is {path}.")
    made = begin(dataset, sitemap=site.url("/sitemap.xml"), include=["*/docs/*"], exclude=["*/old/*"])
    assert states(run(made)) == {"docs/a": "added", "docs/b": "added"}
    assert made.notes == []


def test_a_sitemap_that_lists_itself_ends_and_one_that_lists_too_much_says_so(dataset, site):
    site.put("/loop.xml", sitemap(site.url("/loop.xml"), site.url("/s.xml"), kind="sitemap", root="sitemapindex"))
    site.put("/s.xml", sitemap(*(site.url(f"/{number}") for number in range(9))))
    made = run(begin(dataset, sitemap=site.url("/loop.xml"), max_pages=3))
    assert made.pages.count() == 3
    assert [note["code"] for note in made.notes] == ["page_limit"]


def test_a_second_look_takes_in_what_changed_and_tells_what_is_gone(dataset, site):
    for path in ("/same", "/tagged", "/changes", "/goes"):
        site.article(path, f"About {path}.")
    site.pages["/tagged"].headers["ETag"] = '"v1"'
    site.put("/sitemap.xml", sitemap(*(site.url(path) for path in ("/same", "/tagged", "/changes", "/goes"))))
    made = run(begin(dataset, sitemap=site.url("/sitemap.xml")))
    document = Document.objects.get(name__contains="changes")
    index_now(document.runs.get().id)
    site.article("/changes", "Now about something else.")
    del site.pages["/goes"]
    site.article("/new", "About /new.")
    site.put("/sitemap.xml", sitemap(*(site.url(path) for path in ("/same", "/tagged", "/changes", "/new"))))
    run(sync_import(made, enqueue=False))
    assert states(made) == {
        "same": "unchanged", "tagged": "unchanged", "changes": "changed", "goes": "vanished", "new": "added",
    }  # fmt: skip
    assert [headers.get("if-none-match") for path, headers in site.asked if path == "/tagged"] == [None, '"v1"']
    assert Document.objects.live().count() == 5
    run_of_change = document.runs.get(version=2)
    index_now(run_of_change.id)
    assert "something else" in document.chunks.get(version=2).text


def test_a_document_that_was_deleted_here_does_not_come_back(dataset, site):
    site.article("/unwanted", "Nobody wants it.")
    made = run(begin(dataset, site.url("/unwanted")))
    delete_document(Document.objects.get())
    run(sync_import(made, enqueue=False))
    assert reasons(made) == {"unwanted": "document_deleted"}
    assert Document.objects.live().count() == 0


def test_robots_are_obeyed_also_where_a_redirect_leads(dataset, site):
    site.put("/robots.txt", "User-agent: *\nDisallow: /private/\n\nUser-agent: Other\nDisallow: /", type="text/plain")
    site.article("/private/a", "Secret.")
    site.put("/way", b"", status=302, headers={"Location": "/private/a"})
    site.article("/public", "Everybody may read it.")
    made = run(begin(dataset, site.url("/private/a"), site.url("/way"), site.url("/public")))
    assert states(made) == {"private/a": "skipped", "way": "skipped", "public": "added"}
    assert set(reasons(made).values()) == {"robots"}
    assert "/private/a" not in site.paths()


def test_addresses_inside_are_refused_with_a_reason_also_behind_a_redirect(dataset, site):
    site.put("/way-in", b"", status=302, headers={"Location": "http://127.0.0.2/admin"})
    made = run(begin(dataset, site.url("/way-in"), "http://169.254.169.254/latest/meta-data/"))
    assert states(made) == {"way-in": "failed", "latest/meta-data/": "failed"}
    assert set(reasons(made).values()) == {"egress_refused"}


def test_what_cannot_be_had_says_why_and_may_be_tried_again(dataset, site):
    site.put("/broken", b"", status=500)
    site.put("/picture", b"\x89PNG", type="image/png")
    site.put("/huge", b"x" * (26 << 20), type="text/plain")
    made = run(begin(dataset, *(site.url(path) for path in ("/broken", "/picture", "/huge", "/missing"))))
    assert reasons(made) == {
        "broken": "http_status", "picture": "unsupported_type", "huge": "too_large", "missing": "gone",
    }  # fmt: skip
    assert site.paths().count("/broken") == 3
    site.article("/broken", "It works again.")
    run(retry_import(made, enqueue=False))
    assert states(made)["broken"] == "added"


def test_a_page_that_ends_every_worker_is_given_up(dataset, site):
    made = begin(dataset, site.url("/deadly"))
    made.pages.update(attempts=3)
    assert reasons(run(made)) == {"deadly": "gave_up"}
    assert site.paths() == []


def test_a_page_that_outlasts_its_worker_is_tried_again_and_then_given_up(dataset, site, monkeypatch):
    site.article("/quick", "It is there at once.")
    fetch = Fetcher.fetch

    async def outlast(self, url, **options):
        if url.endswith("/slow"):
            raise SoftTimeLimitExceeded
        return await fetch(self, url, **options)

    monkeypatch.setattr(Fetcher, "fetch", outlast)
    made = begin(dataset, site.url("/slow"), site.url("/quick"))
    assert work(made.id, enqueue=False)
    made.refresh_from_db()
    assert (made.state, made.lease_until) == ("running", None)
    assert states(run(made)) == {"slow": "failed", "quick": "added"}
    assert reasons(made) == {"slow": "gave_up"}


def test_a_sitemap_that_outlasts_its_worker_is_left_out(dataset, site, monkeypatch):
    async def outlast(self, url, **options):
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(Fetcher, "fetch", outlast)
    made = run(begin(dataset, sitemap=site.url("/sitemap.xml")))
    assert made.state == "done"
    assert [note["code"] for note in made.notes] == ["sitemap_timeout"]


def test_only_one_worker_is_at_an_import_and_a_stopped_one_ends(dataset, site):
    site.article("/a", "First.")
    made = begin(dataset, site.url("/a"))
    WebImport.objects.filter(id=made.id).update(lease_owner="other", lease_until=timezone.now() + LEASE)
    assert work(made.id, enqueue=False) is False
    with pytest.raises(ImportUnderway):
        sync_import(made)
    stop_import(made)
    assert states(run(made)) == {"a": "waiting"}
    assert run(retry_import(made, enqueue=False)).state == "done"
    assert states(made) == {"a": "added"}


@pytest.mark.parametrize("url", ["ftp://bees.example/", "bees", "http://", "http://me:pw@bees.example/", "http://a b/"])
def test_an_address_that_is_none_is_refused(dataset, url):
    with pytest.raises(InvalidInput):
        begin(dataset, url)


def test_a_sitemap_may_be_hostile():
    bomb = zlib.compressobj(wbits=31)
    packed = b"".join(bomb.compress(b" " * (1 << 20)) for _ in range(MAX_UNPACKED // (1 << 20) + 2)) + bomb.flush()
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'
    for content in (packed, laughs.encode(), b"<html><body>hello", b"\x1f\x8bnothing", b"", b"\x00\x01\x02"):
        with pytest.raises(SitemapError):
            read_sitemap(content)


def test_an_import_goes_on_after_its_worker_was_killed(dataset, site, start_worker):
    killed = threading.Event()
    site.article("/a", "The first page.")
    site.article("/b", "The second page.")
    site.pages["/b"].first = lambda: killed.wait(60)
    worker = start_worker()
    made = start_import(dataset, urls=[site.url("/a"), site.url("/b")])
    wait_for(lambda: "/b" in site.paths(), what="the request for the second page")
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    killed.set()
    WebImport.objects.filter(id=made.id).update(lease_until=timezone.now())  # nobody waits for the lease to end
    start_worker()
    for task, key in overdue_imports():
        enqueue(task, str(key))
    wait_for(lambda: WebImport.objects.get(id=made.id).state == "done", what="the end of the import")
    assert set(states(made).values()) == {"added"}
    wait_for(lambda: Document.objects.filter(status="ready").count() == 2, what="the documents")
    assert site.paths().count("/a") == 1


def test_a_page_is_fetched_and_indexed_from_the_shell(dataset, team, site, capsys):
    site.article("/guide", "A hive stands on four feet.")
    with pytest.raises(SystemExit):
        call_command("ingest", "handbook", "--url", site.url("/guide"), "--url", site.url("/no"), "--inline")
    report = json.loads(capsys.readouterr().out)
    assert (report["created"], report["ready"]) == (1, 1)
    assert [error["code"] for error in report["errors"]] == ["gone"]


def test_a_program_begins_an_import_and_follows_it(client, dataset, team, site):
    site.article("/guide", "A hive stands on four feet.")
    _key, secret = create_api_key(team_id=team.id, subject_kind="dataset", subject_id=dataset.id)
    headers = {"Authorization": f"Bearer {secret}"}
    address = f"/v1/datasets/{dataset.id}/web-imports"

    def post(path="", **body):
        return client.post(address + path, body, content_type="application/json", headers=headers)

    made = post(urls=[site.url("/guide")], max_pages=5).json()
    assert (made["state"], made["total"], made["done"]) == ("running", 1, 0)
    assert post(f"/{made['id']}/sync").status_code == 409
    work(made["id"], enqueue=False)
    told = client.get(f"{address}/{made['id']}", headers=headers).json()
    assert (told["state"], told["counts"]) == ("done", {"added": 1})
    assert told["pages"][0]["document_id"] == str(Document.objects.get().id)
    assert [each["id"] for each in client.get(address, headers=headers).json()["data"]] == [made["id"]]
    assert post(f"/{made['id']}/sync").json()["state"] == "running"
    for wrong in ({}, {"urls": "x"}, {"urls": ["nonsense"]}, {"urls": [site.url()], "max_pages": "many"}):
        assert post(**wrong).status_code == 400
