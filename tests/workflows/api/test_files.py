"""Files over the service API: uploading, using in a run, reading back; and whose they are."""

from __future__ import annotations

import httpx
import pytest

from accounts.models import Team
from apps.workflows.models import File

SHOW = """
skep: 1
app: {name: Show, kind: workflow}
inputs:
  - {name: paper, label: Paper, type: file, file_types: [document], required: true}
  - {name: more, label: More, type: files, required: false, max_files: 2}
nodes:
  - {id: start, type: start}
  - {id: end, type: end, config: {outputs: {paper: inputs.paper, more: inputs.more, sent: sys.files}}}
edges: [{from: start, to: end}]
"""


def upload(server, headers, name="bees.txt", content=b"Bees dance.", user="ada", **options):
    return httpx.post(
        f"{server}/v1/files/upload", files={"file": (name, content)}, data={"user": user}, headers=headers, **options
    )


def run(server, headers, inputs, *, user="ada", **more):
    body = {"inputs": inputs, "user": user, "response_mode": "blocking", **more}
    return httpx.post(f"{server}/v1/workflows/run", json=body, headers=headers, timeout=20)


def local(uploaded):
    return {"type": "document", "transfer_method": "local_file", "upload_file_id": uploaded["id"]}


def test_an_uploaded_file_is_a_value_of_the_run_and_can_be_read_back_by_its_link(server, make_app, key_of):
    headers = key_of(make_app(SHOW))
    answered = upload(server, headers)
    assert answered.status_code == 201
    uploaded = answered.json()
    assert (uploaded["name"], uploaded["size"], uploaded["extension"]) == ("bees.txt", 11, "txt")
    assert uploaded["mime_type"] == "text/plain"
    ran = run(server, headers, {"paper": local(uploaded)}, files=[local(uploaded)])
    assert ran.status_code == 200, ran.text
    outputs = ran.json()["data"]["outputs"]
    assert outputs["paper"]["kind"] == "file"
    assert outputs["paper"]["id"] == outputs["sent"][0]["id"] == uploaded["id"]
    assert httpx.get(f"{server}{outputs['paper']['url']}").content == b"Bees dance."
    preview = httpx.get(f"{server}/v1/files/{uploaded['id']}/preview", params={"user": "ada"}, headers=headers)
    assert preview.content == b"Bees dance."


def test_a_file_somewhere_else_needs_no_upload(server, make_app, key_of):
    headers = key_of(make_app(SHOW))
    remote = {"type": "document", "transfer_method": "remote_url", "url": "https://example.org/a/b%20c.pdf?x=1"}
    paper = run(server, headers, {"paper": remote}).json()["data"]["outputs"]["paper"]
    assert (paper["name"], paper["extension"], paper["mime_type"]) == ("b c.pdf", ".pdf", "application/pdf")
    assert paper["url"] == remote["url"]
    for bad in ("file:///etc/passwd", "ftp://example.org/a", "https:///a", "", "x" * 3_000):
        assert run(server, headers, {"paper": {**remote, "url": bad}}).status_code == 400


def test_nobody_uses_a_file_of_somebody_else(server, make_app, key_of):
    app, other = make_app(SHOW), make_app(SHOW.replace("name: Show", "name: Other"))
    uploaded = upload(server, key_of(app)).json()
    given = {"paper": local(uploaded)}
    for headers, user, status in [
        (key_of(app), "ada", 200),
        (key_of(app), "eve", 404),
        (key_of(app), "", 404),
        (key_of(other), "ada", 404),
    ]:
        assert run(server, headers, given, user=user).status_code == status
        seen = httpx.get(f"{server}/v1/files/{uploaded['id']}/preview", params={"user": user or "-"}, headers=headers)
        assert seen.status_code == status
    made_up = {"paper": {"kind": "file", "id": uploaded["id"], "transfer_method": "tool_file"}}
    assert run(server, key_of(app), made_up, user="eve").status_code == 404


def test_a_link_opens_one_file_and_nothing_else(server, make_app, key_of, settings):
    headers = key_of(make_app(SHOW))
    first, second = upload(server, headers).json(), upload(server, headers, name="other.html").json()
    link = second["source_url"]
    answer = httpx.get(f"{server}{link}")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert httpx.get(f"{server}{link.replace(second['id'], first['id'])}").status_code == 403
    assert httpx.get(f"{server}{link[:-2]}").status_code == 403


def test_the_form_says_what_it_takes(server, make_app, key_of):
    headers = key_of(make_app(SHOW))
    picture = upload(server, headers, name="bee.png").json()
    assert run(server, headers, {"paper": local(picture)}).status_code == 400
    paper = upload(server, headers).json()
    assert run(server, headers, {"paper": local(paper), "more": [local(picture)] * 2}).status_code == 200
    assert run(server, headers, {"paper": local(paper), "more": [local(picture)] * 3}).status_code == 400
    for bad in ("text", [1], {"upload_file_id": "no"}, {"transfer_method": "local_file"}):
        assert run(server, headers, {"paper": bad}).status_code in (400, 404)
    assert run(server, headers, {"paper": local(paper)}, files="x").status_code == 400


@pytest.mark.parametrize(("sent", "kept"), [("../../etc/passwd", "passwd"), ("C:\\x\\y.md", "y.md")])
def test_names_of_files_are_only_names(server, make_app, key_of, sent, kept):
    assert upload(server, key_of(make_app(SHOW)), name=sent).json()["name"] == kept


def test_an_upload_needs_one_file_of_a_size_that_is_taken(server, make_app, key_of):
    headers = key_of(make_app(SHOW))
    nothing = httpx.post(f"{server}/v1/files/upload", data={"user": "ada"}, files={"x": b""}, headers=headers)
    assert (nothing.status_code, nothing.json()["code"]) == (400, "no_file_uploaded")
    two = [("file", ("a.txt", b"a")), ("file", ("b.txt", b"b"))]
    several = httpx.post(f"{server}/v1/files/upload", files=two, headers=headers)
    assert (several.status_code, several.json()["code"]) == (400, "too_many_files")
    assert httpx.post(f"{server}/v1/files/upload", json={}, headers=headers).status_code == 415
    assert upload(server, {}).status_code == 401


def test_equal_content_is_kept_once(server, make_app, key_of):
    headers = key_of(make_app(SHOW))
    for name in ("a.txt", "b.txt"):
        upload(server, headers, name=name)
    first, second = File.objects.all()
    assert first.blob == second.blob
    assert first.team == Team.objects.get()


READ = """
skep: 1
app: {name: Read, kind: workflow}
inputs: [{name: papers, label: Papers, type: files, required: true}]
nodes:
  - {id: start, type: start}
  - {id: read, type: document-extractor, config: {files: inputs.papers}}
  - {id: end, type: end, config: {outputs: {texts: read.text}}}
edges: [{from: start, to: read}, {from: read, to: end}]
"""


def test_documents_of_many_kinds_are_read(server, make_app, key_of):
    headers = key_of(make_app(READ))
    papers = [
        ("a.md", b"# Bees\n\nThey dance.", "They dance."),
        ("b.html", b"<html><body><h1>Wasps</h1><p>They do not.</p></body></html>", "They do not."),
        ("c.py", b"def dance():\n    return 1\n", "def dance():"),
        ("d.csv", b"name,legs\nbee,6\n", "bee"),
    ]
    given = [local(upload(server, headers, name=name, content=content).json()) for name, content, _ in papers]
    texts = run(server, headers, {"papers": given}).json()["data"]["outputs"]["texts"]
    for text, (_, _, inside) in zip(texts, papers, strict=True):
        assert inside in text
    empty = local(upload(server, headers, name="e.txt", content=b"").json())
    assert run(server, headers, {"papers": [empty]}).json()["data"]["outputs"]["texts"] == [""]
    broken = local(upload(server, headers, name="f.pdf", content=b"no PDF").json())
    failed = run(server, headers, {"papers": [broken]})
    assert failed.json()["code"] == "file_unreadable"
