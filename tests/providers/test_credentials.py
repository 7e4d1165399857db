"""Provider credentials: encrypted at rest, entered in the admin, never shown again."""

import base64
import os

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.workflows.models import Toolset
from providers import crypto
from providers.models import ProviderCredential
from providers.services import store_credential
from support.errors import InvalidInput
from tests.model_runtime.openai_server import OpenAIServer, Refusal

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
SECRET = "sk-the-secret-itself-1234"


@pytest.fixture
def team():
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def credential(team):
    return store(team)


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("root", "root@example.org", "x")
    client.force_login(user)
    return client


def store(team, **more):
    details = {"name": "ours", "base_url": "https://ours.example/v1", "secret": SECRET, **more}
    return store_credential(team_id=team.id, **details)


def page(credential=None):
    if credential is None:
        return reverse("admin:providers_providercredential_add")
    return reverse("admin:providers_providercredential_change", args=[credential.pk])


def form(team, **more):
    return {
        "team": str(team.id),
        "name": "ours",
        "kind": "openai_compatible",
        "base_url": "https://ours.example/v1",
        "secret": "",
        "chat_models": "small\r\n\r\n org/large \r\nsmall",
        "embedding_models": "my-embed@768",
        "is_enabled": "on",
        **more,
    }


def test_the_secret_is_not_in_the_database_and_comes_back(credential):
    stored = ProviderCredential.objects.values().get(pk=credential.pk)
    assert SECRET not in str(stored)
    assert ProviderCredential.objects.get(pk=credential.pk).read_secret() == SECRET
    assert SECRET not in f"{credential!r} {credential}"


def test_any_string_or_a_proper_key_encrypts_and_the_newest_is_used(settings):
    proper = base64.urlsafe_b64encode(os.urandom(32)).decode()
    settings.ENCRYPTION_KEYS = ["old words"]
    token = crypto.encrypt("s")
    settings.ENCRYPTION_KEYS = [proper, "old words"]
    assert crypto.decrypt(token) == "s"
    newer = crypto.rotate(token)
    settings.ENCRYPTION_KEYS = [proper]
    assert crypto.decrypt(newer) == "s"
    with pytest.raises(crypto.UnreadableSecret):
        crypto.decrypt(token)


def test_rotating_moves_every_key_to_the_newest_and_says_what_it_cannot_read(team, settings, capsys):
    settings.ENCRYPTION_KEYS = ["one"]
    first = store(team, name="first")
    settings.ENCRYPTION_KEYS = ["lost"]
    store(team, name="second")
    settings.ENCRYPTION_KEYS = ["two", "one"]
    with pytest.raises(CommandError, match="1 keys could not be read"):
        call_command("rotate_encryption_keys")
    assert "1 keys are now under the newest" in capsys.readouterr().out
    settings.ENCRYPTION_KEYS = ["two"]
    first.refresh_from_db()
    assert first.read_secret() == SECRET


def test_rotating_keys_takes_the_secrets_of_toolsets_along(team, settings):
    settings.ENCRYPTION_KEYS = ["one"]
    toolset = Toolset(team=team, name="shop", base_url="https://shop.example")
    toolset.set_secret(SECRET)
    toolset.save()
    settings.ENCRYPTION_KEYS = ["two", "one"]
    call_command("rotate_encryption_keys")
    settings.ENCRYPTION_KEYS = ["two"]
    toolset.refresh_from_db()
    assert toolset.read_secret() == SECRET


def test_storing_again_changes_the_credential_and_keeps_its_key(team, credential):
    again = store(team, secret=None, chat_models=["new"], base_url="https://ours.example/v2")
    assert (again.pk, again.read_secret(), again.chat_models) == (credential.pk, SECRET, ["new"])


@pytest.mark.parametrize("url", ["https://evil.example/v1", "https://ours.example:8443/v1", "http://ours.example/v1"])
def test_a_stored_key_does_not_follow_the_address_to_another_host(team, credential, url):
    with pytest.raises(InvalidInput):
        store(team, secret=None, base_url=url)
    assert store(team, secret="sk-new", base_url=url).read_secret() == "sk-new"


@pytest.mark.parametrize("wrong", [{"name": "a/b"}, {"name": ""}, {"base_url": "file:///etc/passwd"}, {"kind": "x"}])
def test_what_makes_no_sense_is_refused(team, wrong):
    with pytest.raises(InvalidInput):
        store(team, **wrong)
    assert not ProviderCredential.objects.exists()


def test_a_key_is_entered_in_the_admin_and_never_shown_again(operator, team):
    assert operator.post(page(), form(team, secret=SECRET)).status_code == 302
    credential = ProviderCredential.objects.get()
    assert credential.read_secret() == SECRET
    assert credential.chat_models == ["small", "org/large"]
    assert credential.embedding_models == ["my-embed@768"]
    for url in (page(credential), reverse("admin:providers_providercredential_changelist")):
        shown = operator.get(url).content.decode()
        assert SECRET not in shown
        assert credential.encrypted_secret not in shown
        assert "set on" in shown


def test_an_empty_key_field_keeps_the_stored_key_but_not_for_another_host(operator, team, credential):
    assert operator.post(page(credential), form(team, name="renamed")).status_code == 302
    credential.refresh_from_db()
    assert (credential.name, credential.read_secret()) == ("renamed", SECRET)
    response = operator.post(page(credential), form(team, base_url="https://evil.example/v1"))
    assert response.status_code == 200
    assert "given again when the address changes" in response.content.decode()


def test_an_embedding_model_without_a_dimension_is_refused_in_the_form(operator, team):
    response = operator.post(page(), form(team, embedding_models="unheard-of"))
    assert response.status_code == 200
    assert "unheard-of@1024" in response.content.decode()


def test_members_see_their_team_s_credentials_only(client, team, credential):
    other = store(Team.objects.create(slug="wasps", name="Wasps"), name="theirs")
    member = User.objects.create_user("m", "m@example.org", "x", is_staff=True)
    member.user_permissions.set(Permission.objects.filter(content_type__app_label="providers"))
    Membership.objects.create(team=team, user=member, role=Role.ADMIN)
    client.force_login(member)
    assert client.get(page(credential)).status_code == 200
    assert client.get(page(other)).status_code == 302
    listed = client.get(reverse("admin:providers_providercredential_changelist")).content.decode()
    assert ("ours.example" in listed, "theirs" in listed) == (True, False)
    assert client.post(page(credential), form(other.team)).status_code == 200  # not one of the choices


@pytest.mark.parametrize("embeds", [False, True])
def test_a_connection_is_tested_with_a_real_call(operator, team, settings, embeds):
    with OpenAIServer(dim=768).in_thread() as server:
        settings.EGRESS_ALLOW = f"127.0.0.1:{server.port}"
        models = {"embedding_models": ["my-embed@768"]} if embeds else {"chat_models": ["small"]}
        credential = store(team, base_url=server.base_url, **models)
        action = {"action": "test_connection", "_selected_action": [str(credential.pk)]}
        url = reverse("admin:providers_providercredential_changelist")
        good = operator.post(url, action, follow=True).content.decode()
        server.script(Refusal(401, {"error": {"message": f"bad key {SECRET}"}}))
        bad = operator.post(url, action, follow=True).content.decode()
    assert f"ours answers: {'my-embed' if embeds else 'small'}" in good
    assert "refuses the key" in bad
    assert SECRET not in bad
    assert server.requests[0].path.endswith("embeddings" if embeds else "completions")
