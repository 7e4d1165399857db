"""The pages of imports from the web and of external knowledge, as a member meets them."""

import orjson
import pytest
from django.urls import reverse

from accounts.models import Membership, Role, User
from apps.datasets.models import Dataset, Document, ExternalKnowledge, WebImport, WebPage
from apps.datasets.services.external_datasets import create_external_dataset
from apps.datasets.services.importing import start_import
from apps.datasets.services.importing_work import work
from tests.datasets.website import website


@pytest.fixture
def site(settings):
    with website() as served:
        settings.EGRESS_ALLOW = f"127.0.0.1:{served.port}"
        yield served


@pytest.fixture
def member(client, editor):
    client.force_login(editor)
    return client


def text(answer) -> str:
    return answer.content.decode()


def test_pages_are_fetched_from_the_form_and_each_result_is_shown(member, dataset, site):
    site.article("/guide", "A hive stands on four feet.")
    page = reverse("datasets:web-imports", args=[dataset.slug])
    assert page in text(member.get(reverse("datasets:dataset", args=[dataset.slug])))
    urls = f"{site.url('/guide')}\n{site.url('/missing')}\n"
    answer = member.post(page, {"urls": urls, "max_pages": "10"})
    made = WebImport.objects.get()
    assert made.created_by.username == "editor"
    during = text(member.get(answer.url))
    assert 'hx-trigger="every 1s"' in during
    assert "0 of 2 pages looked at" in during
    assert work(made.id, enqueue=False) is False
    after = text(member.get(answer.url, headers={"HX-Request": "true"}))
    assert "hx-trigger" not in after
    assert "<html" not in after
    assert "The page does not exist." in after
    document = Document.objects.get()
    assert reverse("datasets:document", args=[dataset.slug, document.id]) in after
    assert site.url("/guide") in text(member.get(reverse("datasets:document", args=[dataset.slug, document.id])))
    failed = text(member.get(answer.url, {"status": "failed"}))
    assert site.url("/missing") in failed
    assert "Try what failed again" in failed
    assert reverse("datasets:document", args=[dataset.slug, document.id]) not in failed
    assert "1 failed" in text(member.get(page))


def test_a_fault_in_the_form_is_shown_beside_what_was_entered(member, dataset):
    page = reverse("datasets:web-imports", args=[dataset.slug])
    answer = text(member.post(page, {"urls": "not-an-address", "max_pages": "10"}))
    assert "not-an-address&#x27; is not an address" in answer
    assert "Give at least one address" in text(member.post(page, {"max_pages": "10"}))


def test_an_import_is_stopped_tried_again_and_looked_at_again(member, dataset, site):
    site.article("/guide", "A hive stands on four feet.")
    member.post(reverse("datasets:web-imports", args=[dataset.slug]), {"urls": site.url("/guide"), "max_pages": "10"})
    made = WebImport.objects.get()

    def act(action):
        return member.post(reverse("datasets:act-on-import", args=[dataset.slug, made.id, action]), follow=True)

    assert "This import is running" in text(act("sync"))
    assert "The import is stopped" in text(act("stop"))
    assert "What failed is fetched again." in text(act("retry"))
    work(made.id, enqueue=False)
    assert "compared with what the web has now" in text(act("sync"))
    assert act("burn").status_code == 404


def test_members_who_only_read_and_strangers_start_nothing(client, team, other_team, dataset):
    page = reverse("datasets:web-imports", args=[dataset.slug])
    for name, where, role, status in (("reader", team, Role.VIEWER, 403), ("wasp", other_team, Role.EDITOR, 404)):
        user = User.objects.create_user(username=name, password="secret")
        Membership.objects.create(team=where, user=user, role=role)
        client.force_login(user)
        assert client.post(page, {"urls": "https://bees.example/", "max_pages": "1"}).status_code == status
    assert not WebImport.objects.exists()


def test_external_knowledge_is_connected_searched_and_its_key_is_never_shown(member, team, site):
    record = {
        "content": "Drones do not sting.",
        "score": 0.9,
        "title": "drones",
        "metadata": {"url": "https://b.example/d"},
    }
    site.put("/retrieval", orjson.dumps({"records": [record]}), type="application/json")
    answer = member.post(
        reverse("datasets:new-external"),
        {"name": "Elsewhere", "endpoint": site.url("/"), "knowledge_id": "K", "secret": "sesame", "timeout": "5"},
    )
    dataset = Dataset.objects.get(team=team)
    assert answer.url == reverse("datasets:search", args=[dataset.slug])
    found = text(member.get(answer.url, {"q": "do drones sting"}))
    assert 'href="https://b.example/d"' in found
    assert "<dt>Score there</dt>" in found
    assert "External knowledge" in text(member.get(reverse("datasets:datasets")))
    page = reverse("datasets:connection", args=[dataset.slug])
    assert "A key is stored." in text(member.get(page))
    assert "sesame" not in text(member.get(page))
    changed = {"endpoint": site.url("/"), "knowledge_id": "K2", "secret": "", "timeout": "5"}
    assert member.post(page, changed).url == page
    assert ExternalKnowledge.objects.get().read_secret() == "sesame"
    moved = text(member.post(page, changed | {"endpoint": "https://thief.example"}))
    assert "Enter the key again." in moved
    assert member.get(reverse("datasets:dataset", args=[dataset.slug])).url == answer.url


def test_a_search_that_the_other_program_fails_says_why(member, team, site):
    dataset = create_external_dataset(team_id=team.id, name="Elsewhere", endpoint=site.url("/"), knowledge_id="K")
    assert "It answers 404" in text(member.get(reverse("datasets:search", args=[dataset.slug]), {"q": "bees"}))


@pytest.mark.django_db
def test_the_admin_shows_imports_and_connections_but_no_key(client, team, dataset, site):
    client.force_login(User.objects.create_superuser("root", password="a long enough password"))
    site.article("/guide", "A hive stands on four feet.")
    made = start_import(dataset, urls=[site.url("/guide"), site.url("/missing")], enqueue=False)
    work(made.id, enqueue=False)
    create_external_dataset(
        team_id=team.id, name="Elsewhere", endpoint=site.url("/"), knowledge_id="K", secret="sesame"
    )
    for name in ("webimport", "webpage", "externalknowledge"):
        page = text(client.get(reverse(f"admin:datasets_{name}_changelist")))
        assert site.url("/")[:-1] in page
        row = {"webimport": WebImport, "webpage": WebPage, "externalknowledge": ExternalKnowledge}[name].objects.first()
        detail = text(client.get(reverse(f"admin:datasets_{name}_change", args=[row.pk])))
        assert site.url("/")[:-1] in detail
        assert ExternalKnowledge.objects.get().encrypted_secret not in detail
