"""Preview, settings, single chunks, pausing and bulk actions, as a member of a team meets them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.datasets.models import ChunkEdit, Document, IndexRun
from apps.datasets.selectors.documents import chunks_of
from apps.datasets.services import indexing
from apps.datasets.settings_of_dataset import read_settings
from tests.datasets.making import long_pdf, pdf, put
from tests.datasets.test_chunks import GUIDE
from tests.datasets.test_pages import act, text


@pytest.fixture
def member(client, editor):
    client.force_login(editor)
    return client


def url(name, document, *more):
    return reverse(f"datasets:{name}", args=[document.dataset.slug, document.id, *more])


CHOSEN = {
    "mode": "general",
    "size": 120,
    "unit": "characters",
    "overlap": 0,
    "parent_mode": "section",
    "parent_size": 4000,
    "spaces": "on",
}


def test_an_upload_can_be_looked_at_before_anything_is_indexed(member, dataset):
    answer = member.post(
        reverse("datasets:upload", args=[dataset.slug]),
        {"files": [SimpleUploadedFile("guide.md", GUIDE.encode())], "hold": "on"},
    )
    document = Document.objects.get()
    assert answer.url == url("preview", document)
    assert document.status == "paused"
    page = text(member.get(answer.url))
    assert "flower0" in page
    assert "500" in page
    of_all = CHOSEN | {"scope": "dataset"}
    smaller = text(member.post(answer.url, of_all | {"show": "1"}))
    assert smaller.count("passage-card") > page.count("passage-card")
    under = text(member.post(answer.url, of_all | {"show": "1", "mode": "parent_child"}))
    assert "Section 1" in under
    refused = text(member.post(answer.url, of_all | {"overlap": 100}))
    assert "chunking.overlap" in refused
    assert not IndexRun.objects.filter(stage="embed").exists()
    dataset.refresh_from_db()
    assert dataset.settings == {}
    started = member.post(answer.url, of_all)
    assert started.url == reverse("datasets:dataset", args=[dataset.slug])
    dataset.refresh_from_db()
    document.refresh_from_db()
    assert read_settings(dataset.settings).chunking.size == 120
    assert document.settings == {}
    indexing.index_now(document.runs.get().id)
    document.refresh_from_db()
    assert (document.status, document.chunk_count) == ("ready", smaller.count("passage-card"))


def test_changed_settings_say_what_would_change_and_index_again_on_demand(member, dataset):
    unlike = "\n\n".join(f"# Part {n}\n\n" + " ".join(f"Word{n * 60 + m} is new." for m in range(60)) for n in range(4))
    document = put(dataset, "guide.md", unlike).document
    page = reverse("datasets:chunking", args=[dataset.slug])
    assert "indexed with other settings" not in text(member.get(page))
    assert member.post(page, CHOSEN).status_code == 302
    counted = text(member.get(page, {"changes": 1}))
    assert "1 document is indexed with other settings" in counted
    before = set(chunks_of(document).values_list("id", flat=True))
    member.post(reverse("datasets:act-on-all", args=[dataset.slug, "reindex"]))
    run = document.runs.get(finished_at=None)
    indexing.index_now(run.id)
    document.refresh_from_db()
    after = set(chunks_of(document).values_list("id", flat=True))
    kept, embedded, gone = len(after & before), len(after - before), len(before - after)
    assert f"keeps {kept} passages, embeds {embedded} and removes {gone}" in counted
    run.refresh_from_db()
    assert run.embedded == embedded
    assert "indexed with other settings" not in text(member.get(page))


def test_a_passage_is_edited_hidden_deleted_added_and_taken_back_on_the_page(member, dataset):
    document = put(dataset, "guide.md", GUIDE).document
    chunk = chunks_of(document)[1]
    member.post(url("act-on-chunk", document, chunk.id, "edit"), {"text": "All about <clover>."})
    page = text(member.get(url("document", document)))
    assert "All about &lt;clover&gt;." in page
    assert "Edited" in page
    member.post(url("act-on-chunk", document, chunk.id, "disable"), {"text": "x"})
    assert not chunks_of(document).get(id=chunk.id).is_enabled
    member.post(url("act-on-chunk", document, chunk.id, "delete"))
    assert not chunks_of(document).filter(id=chunk.id).exists()
    member.post(url("add-chunk", document), {"text": "Propolis is glue."})
    assert "Propolis is glue." in text(member.get(url("document", document)))
    changes = text(member.get(url("document", document), {"view": "changes"}))
    assert changes.count("passage-card") == 4
    deleted = ChunkEdit.objects.get(action="delete")
    member.post(url("act-on-edit", document, deleted.id, "undo"), {"view": "changes"})
    assert chunks_of(document).get(id=chunk.id).text == "All about <clover>."
    newest = ChunkEdit.objects.get(chunk_id=chunk.id, is_current=True)
    member.post(url("act-on-edit", document, newest.id, "restore"))
    assert chunks_of(document).get(id=chunk.id).text == chunk.text
    refused = member.post(url("act-on-chunk", document, chunk.id, "edit"), {"text": " "}, follow=True)
    assert "needs a text" in text(refused)


def test_only_who_may_edit_changes_passages(client, team, dataset, django_user_model):
    from accounts.models import Membership, Role

    document = put(dataset, "guide.md", GUIDE).document
    chunk = chunks_of(document)[0]
    target = url("act-on-chunk", document, chunk.id, "delete")
    viewer = django_user_model.objects.create_user(username="viewer", password="secret")
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    stranger = django_user_model.objects.create_user(username="stranger", password="secret")
    for user, status in ((viewer, 403), (stranger, 404)):
        client.force_login(user)
        assert client.post(target).status_code == status
    assert chunks_of(document).filter(id=chunk.id).exists()


def test_indexing_is_paused_and_goes_on_where_it_was(member, dataset, monkeypatch):
    from apps.datasets.services import embedding

    monkeypatch.setattr(embedding, "BATCH", 8)
    added = put(dataset, "book.pdf", long_pdf(10), index=False)
    starts = indexing.index_run(added.run_id, owner="one")
    indexing.embed_next(added.run_id, starts[0])
    act(member, added.document, "pause")
    run = IndexRun.objects.get()
    assert indexing.embed_next(added.run_id, starts[1]) == []
    assert indexing.work(added.run_id, owner="two") == (0, 0.0)
    assert IndexRun.objects.get().done == run.done > 0
    page = text(member.get(reverse("datasets:rows", args=[dataset.slug])))
    assert "Paused" in page
    assert "Go on" in page
    act(member, added.document, "resume")
    indexing.index_now(added.run_id)
    run.refresh_from_db()
    assert (run.outcome, run.done, run.embedded) == ("ready", run.total, run.total)


def test_all_that_failed_are_tried_again_and_all_are_paused_at_once(member, dataset):
    broken = put(dataset, "broken.pdf", b"%PDF-1.4 no").document
    Document.objects.update(error={"code": "timeout", "message": "It took too long."})
    hopeless = put(dataset, "locked.pdf", pdf([["Secret."]], password="bees")).document
    put(dataset, "a.txt", "Bees.")
    bulk = lambda action: member.post(reverse("datasets:act-on-all", args=[dataset.slug, action]))  # noqa: E731
    bulk("retry-failed")
    broken.refresh_from_db()
    hopeless.refresh_from_db()
    assert (broken.status, hopeless.status) == ("uploaded", "error")
    hopeless.delete()
    bulk("pause-all")
    assert set(Document.objects.values_list("name", "status")) == {("broken.pdf", "paused"), ("a.txt", "ready")}
    bulk("resume-all")
    broken.refresh_from_db()
    assert broken.status == "uploaded"
    bulk("stop-all")
    broken.refresh_from_db()
    assert broken.status == "cancelled"
    assert bulk("explode").status_code == 404
