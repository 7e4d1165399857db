"""The pages of datasets, as a member of a team meets them, and as a stranger does not."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import Membership, Role, User
from apps.datasets.models import Chunk, Dataset, Document
from apps.datasets.services import indexing
from apps.datasets.services.datasets import create_dataset
from tests.datasets.making import pdf, put

JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def member(client, editor):
    client.force_login(editor)
    return client


def upload(client, dataset: Dataset, *files: tuple[str, bytes], **headers: str):
    data = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(reverse("datasets:upload", args=[dataset.slug]), {"files": data}, **headers)


def act(client, document: Document, action: str):
    return client.post(reverse("datasets:act", args=[document.dataset.slug, document.id, action]))


def text(response) -> str:
    return response.content.decode()


def test_the_first_visit_shows_what_would_be_here_and_the_next_step(member):
    page = text(member.get(reverse("datasets:datasets")))
    assert "No datasets yet" in page
    assert reverse("datasets:new-dataset") in page


def test_a_dataset_is_made_and_its_page_waits_for_files(member, team):
    answer = member.post(
        reverse("datasets:new-dataset"), {"name": "蜜蜂手册", "description": "All of it", "embedding_model": "hashing"}
    )
    dataset = Dataset.objects.get(team=team)
    assert answer.url == reverse("datasets:dataset", args=["蜜蜂手册"])
    page = text(member.get(answer.url))
    assert "No documents yet" in page
    assert "Drop files here" in page
    assert dataset.created_by.username == "editor"


def test_datasets_are_listed_by_name_whatever_their_capitals(member, team):
    for name in ("elsewhere", "Apiary", "Yard", "handbook"):
        create_dataset(team_id=team.id, name=name)
    page = text(member.get(reverse("datasets:datasets")))
    listed = re.findall(r'<span class="card-title truncate">(.*?)</span>', page)
    assert listed == ["Apiary", "elsewhere", "handbook", "Yard"]


def test_uploaded_files_appear_with_their_progress_and_then_with_their_passages(member, dataset):
    answer = upload(member, dataset, ("book.pdf", pdf([["Queens live for years."]])), ("空.txt", b" "), **JSON)
    assert [file["outcome"] for file in answer.json()["files"]] == ["created", "created"]
    rows = reverse("datasets:rows", args=[dataset.slug])
    during = text(member.get(rows))
    assert 'hx-trigger="every 1s"' in during
    assert during.count("Queued") == 2
    first, second = Document.objects.order_by("id")
    starts = indexing.index_run(first.runs.get().id, owner="worker")
    assert 'value="20"' in text(member.get(rows))
    assert indexing.embed_next(first.runs.get().id, starts[0]) == []
    indexing.index_now(second.runs.get().id)
    after = text(member.get(rows))
    assert "hx-trigger" not in after
    assert "The document holds no text" in after
    good = Document.objects.get(name="book.pdf")
    page = text(member.get(reverse("datasets:document", args=[dataset.slug, good.id])))
    assert "Queens live for years." in page
    assert "Page 1" in page
    assert "Queens live for years." in text(
        member.get(reverse("datasets:document", args=[dataset.slug, good.id]), {"view": "text"})
    )


def test_without_a_script_one_form_sends_all_files(member, dataset):
    answer = upload(member, dataset, ("a.txt", b"Bees."), ("b.txt", b"Wasps."))
    page = text(member.get(answer.url))
    assert "a.txt is uploaded." in page
    assert Document.objects.count() == 2
    assert "Choose at least one file." in text(member.get(upload(member, dataset).url))


def test_a_file_over_the_limit_says_so_in_the_answer_and_in_the_list(member, dataset, settings):
    settings.MAX_UPLOAD_BYTES = 1024 * 1024
    answer = upload(member, dataset, ("huge.pdf", b"x" * (1024 * 1024 + 1)), **JSON).json()["files"][0]
    assert answer["outcome"] == "refused"
    assert "1 MB" in answer["message"]
    assert "Split it into smaller files" in text(member.get(reverse("datasets:dataset", args=[dataset.slug])))


def test_a_failed_document_can_be_tried_again_a_running_one_stopped_and_any_deleted(member, dataset):
    document = put(dataset, "broken.pdf", b"%PDF-1.4").document
    Document.objects.update(error={"code": "timeout", "message": "It took too long.", "params": {"seconds": 300}})
    assert "Index broken.pdf again" in text(member.get(reverse("datasets:dataset", args=[dataset.slug])))
    act(member, document, "retry")
    document.refresh_from_db()
    assert document.status == "uploaded"
    act(member, document, "stop")
    document.refresh_from_db()
    assert document.status == "cancelled"
    act(member, document, "delete")
    assert "broken.pdf" not in text(member.get(reverse("datasets:rows", args=[dataset.slug])))
    assert act(member, document, "retry").status_code == 404
    assert member.get(reverse("datasets:document", args=[dataset.slug, document.id])).status_code == 404


def test_the_search_test_shows_every_legs_score(member, dataset):
    put(dataset, "bees.txt", "Propolis seals the hive. <script>alert(1)</script>")
    address = reverse("datasets:search", args=[dataset.slug])
    assert "What would an app find?" in text(member.get(address))
    page = text(member.get(address, {"q": "propolis", "method": "hybrid", "top_k": 3}))
    assert "1 passage" in page
    assert page.count("<progress") == 3
    assert "&lt;script&gt;alert(1)" in page
    assert "Nothing found" in text(member.get(address, {"q": "zyzzyva", "method": "full_text"}))
    assert "not one of the available choices" in text(member.get(address, {"q": "a", "method": "magic"}))


def test_a_citation_leads_to_its_passage_marked_on_its_page(member, dataset):
    lines = [f"Line {n} of the page speaks about frames and boxes in the apiary." for n in range(30)]
    put(dataset, "book.pdf", pdf([["First."], lines]))
    chunk = Chunk.objects.filter(page=2).order_by("ordinal")[1]
    page = text(member.get(reverse("datasets:passage", args=[chunk.id])))
    marked = re.search(r"<mark[^>]*>(.*?)</mark>", page, re.S)
    assert marked.group(1) == chunk.text
    assert "Line 0 of the page" in page[: marked.start()]
    assert "Page 2" in page


def test_a_passage_of_another_of_ones_teams_opens_too_and_one_of_a_strangers_does_not(
    member, editor, other_team, dataset
):
    theirs = create_dataset(team_id=other_team.id, name="Theirs")
    put(theirs, "a.txt", "The wasps keep a secret.")
    address = reverse("datasets:passage", args=[Chunk.objects.get().id])
    refused = member.get(address)
    assert refused.status_code == 404
    assert "secret" not in text(refused)
    Membership.objects.create(team=other_team, user=editor, role=Role.VIEWER)
    assert "The wasps keep a secret." in text(member.get(address))


def test_nobody_gets_in_without_signing_in_or_into_another_teams_dataset(client, member, dataset, other_team):
    theirs = create_dataset(team_id=other_team.id, name="Theirs")
    document = put(theirs, "a.txt", "The wasps.").document
    names = [("datasets", []), ("new-dataset", [])]
    names += [(name, [theirs.slug]) for name in ("dataset", "rows", "search", "settings")]
    names += [("document", [theirs.slug, document.id])]
    for name, arguments in names[2:]:
        assert member.get(reverse(f"datasets:{name}", args=arguments)).status_code == 404, name
    # Under the name of an own dataset, another team's document is not there either.
    assert member.get(reverse("datasets:document", args=[dataset.slug, document.id])).status_code == 404
    assert act(member, document, "delete").status_code == 404
    assert member.post(reverse("datasets:delete", args=[theirs.slug])).status_code == 404
    client.logout()
    for name, arguments in names:
        answer = client.get(reverse(f"datasets:{name}", args=arguments))
        assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("login")), name


def test_a_viewer_may_look_and_search_and_change_nothing(client, team, dataset):
    document = put(dataset, "a.txt", "Bees dance.").document
    viewer = User.objects.create_user(username="viewer", password="secret")
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    client.force_login(viewer)
    page = text(client.get(reverse("datasets:dataset", args=[dataset.slug])))
    assert "a.txt" in page
    assert "Drop files here" not in page
    assert client.get(reverse("datasets:search", args=[dataset.slug]), {"q": "bees"}).status_code == 200
    assert upload(client, dataset, ("b.txt", b"Wasps.")).status_code == 403
    assert act(client, document, "delete").status_code == 403
    assert client.get(reverse("datasets:settings", args=[dataset.slug])).status_code == 403
    assert client.get(reverse("datasets:new-dataset")).status_code == 403
    assert Document.objects.live().count() == 1


def test_settings_change_the_name_and_keep_the_slug(member, dataset):
    address = reverse("datasets:settings", args=[dataset.slug])
    member.post(address, {"part": "about", "name": "The big handbook", "description": ""})
    dataset.refresh_from_db()
    assert (dataset.name, dataset.slug) == ("The big handbook", "handbook")
    member.post(reverse("datasets:delete", args=[dataset.slug]))
    assert "No datasets yet" in text(member.get(reverse("datasets:datasets")))


def test_the_admin_shows_state_and_reason_and_tries_again(client, dataset, other_team):
    put(create_dataset(team_id=other_team.id, name="Theirs"), "theirs.txt", "Wasps.")
    document = put(dataset, "broken.pdf", b"%PDF-1.4").document
    client.force_login(User.objects.create_superuser(username="root", password="secret"))
    changelist = reverse("admin:datasets_document_changelist")
    page = text(client.get(changelist))
    assert "cannot be read as pdf" in page
    assert "theirs.txt" in page
    Document.objects.filter(id=document.id).update(error={"code": "timeout", "message": "It took too long."})
    client.post(changelist, {"action": "retry", "_selected_action": [str(document.id)]})
    document.refresh_from_db()
    assert document.status == "uploaded"
    assert "Queued" in text(client.get(changelist))
    for name in ("dataset", "indexrun"):
        assert client.get(reverse(f"admin:datasets_{name}_changelist")).status_code == 200
    assert client.get(reverse("admin:datasets_document_change", args=[document.id])).status_code == 200
    assert client.get(reverse("admin:datasets_dataset_change", args=[dataset.id])).status_code == 200
    answer = client.post(reverse("admin:datasets_dataset_delete", args=[dataset.id]), {"post": "yes"})
    assert answer.status_code == 302
    assert not Dataset.objects.live().filter(id=dataset.id).exists()
    assert Document.objects.filter(id=document.id, deleted_at__isnull=False).exists()


def test_an_empty_file_is_listed_with_its_size(member, dataset):
    put(dataset, "nothing.txt", b"")
    assert '<td class="num">0 B</td>' in text(member.get(reverse("datasets:rows", args=[dataset.slug])))
