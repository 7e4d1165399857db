"""The team's tools: our own, and those of imported OpenAPI documents."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import Team
from apps.workflows.adapters.files import TeamFiles
from apps.workflows.adapters.http import GuardedHttp
from apps.workflows.adapters.tools.arithmetic import NotArithmetic, as_digits, calculate
from apps.workflows.adapters.tools.team_tools import TeamTools
from apps.workflows.dsl.openapi_reader import BadOpenApi, read_openapi
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.http_port import HttpResponse
from apps.workflows.models import Toolset
from apps.workflows.services.toolsets import import_openapi
from support.egress import EgressPolicy
from support.errors import InvalidInput
from tests.workflows.engine.ports_for_tests import FixedRetrieval, ScriptedHttp, passage

SHOP = """
openapi: 3.0.3
info: {title: Bee Shop, description: Sells bees.}
servers: [{url: "https://{stage}.example.org/v1/", variables: {stage: {default: api}}}]
paths:
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      operationId: getOrder
      summary: One order
      parameters:
        - {name: tag, in: query, schema: {type: array, items: {type: string}}}
        - {name: X-Lang, in: header, schema: {type: string}}
    post:
      operationId: changeOrder
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Change"}}}
  /upload:
    put:
      requestBody: {required: true, content: {multipart/form-data: {schema: {type: object}}}}
components:
  schemas:
    Change:
      type: object
      required: [amount]
      properties:
        amount: {type: integer, minimum: 1}
        id: {type: string, description: Another id}
        parts: {type: array, items: {$ref: "#/components/schemas/Change"}}
"""


PAGE = f"""
<html><head><title>Bees</title></head><body><nav>Menu</nav>
<article><h1>Bees</h1><p>Bees dance. {"They tell each other where the flowers are. " * 20}</p></article></body></html>
"""


@pytest.fixture
def team(transactional_db):
    return Team.objects.create(slug="bees", name="Bees")


def tools_of(team_id, *gives, passages=()):
    http = ScriptedHttp(gives or [HttpResponse(status=200, url="")])
    files = TeamFiles(team_id, http=http, keep=None)
    return TeamTools(team_id, http=http, files=files, retrieval=FixedRetrieval(passages)), http


async def failure(awaitable):
    with pytest.raises(NodeFailure) as caught:
        await awaitable
    return caught.value


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("0.1 + 0.2", "0.3"),
        ("-2^2", "-4"),
        ("2^-1", "0.5"),
        ("2^3^2", "512"),
        ("(1 + 2) * 3 / 4", "2.25"),
        ("7 % 3 + 7 // 2", "4"),
        ("-7 // 2", "-4"),
        ("round(1299 * 1.19, 2)", "1545.81"),
        ("max(1, sqrt(16), 3) × 2", "8"),
        ("1 / 3", "0.3333333333333333333333333333333333"),
    ],
)
def test_the_calculator_works_arithmetic_out(text, result):
    assert as_digits(calculate(text)) == result


@pytest.mark.parametrize(
    "text",
    [
        *("", "1 +", "1/0", "sqrt(-1)", "log(0)", "9^9^9", "2^99999", "abc", "__import__('os')", "().__class__", "a.b"),
        *("(" * 500, "-" * 500 + "1", "1 " * 1_500, "1,000", "round(1, 2, 3)", "10^9999*10^9999"),
    ],
)
def test_the_calculator_evaluates_nothing_else(text):
    with pytest.raises(NotArithmetic):
        calculate(text)


async def test_builtin_tools_check_what_they_are_given(team):
    tools, _ = tools_of(team.id)
    assert (await tools.call("builtin/calculator", {"expression": "6*7"})).json == {"result": 42}
    now = await tools.call("builtin/time.now", {"timezone": "Asia/Tokyo"})
    assert now.json["timezone"] == "Asia/Tokyo"
    given = {"time": "2026-03-01T09:00", "from_timezone": "Europe/Berlin", "timezone": "America/New_York"}
    assert (await tools.call("builtin/time.convert", given)).json["time"] == "03:00:00"
    for name, bad in [
        ("builtin/calculator", {}),
        ("builtin/calculator", {"expression": "1", "more": 1}),
        ("builtin/time.now", {"timezone": "../etc/passwd"}),
        ("builtin/time.convert", {"time": "soon"}),
        ("dataset/search", {"query": "x"}),
    ]:
        assert (await failure(tools.call(name, bad))).code == "tool_parameters"
    for name in ("builtin/eval", "openapi/none/op", "openapi/none", "nothing"):
        assert (await failure(tools.call(name, {}))).code == "tool_not_found"


async def test_datasets_and_pages_are_read_by_tools(team):
    tools, http = tools_of(
        team.id,
        HttpResponse(
            status=200,
            url="https://example.org/bees",
            headers=[("content-type", "text/html")],
            content=PAGE.encode(),
        ),
        passages=[passage("Bees dance.")],
    )
    found = await tools.call("dataset/search", {"query": "dance", "datasets": '["handbook"]', "top_k": "3"})
    assert "Bees dance." in found.text
    assert found.json[0]["document_name"] == "Handbook"
    page = await tools.call("builtin/web_reader", {"url": "https://example.org/bees"})
    assert "Bees dance." in page.text
    assert "Menu" not in page.text
    assert http.seen[0].url == "https://example.org/bees"


async def test_the_web_reader_goes_through_the_guard(team):
    http = GuardedHttp(EgressPolicy())
    files = TeamFiles(team.id, http=http, keep=None)
    tools = TeamTools(team.id, http=http, files=files, retrieval=FixedRetrieval())
    refused = await failure(tools.call("builtin/web_reader", {"url": "http://169.254.169.254/latest/meta-data"}))
    assert refused.code == "egress_refused"


def test_a_document_becomes_operations_and_says_what_it_leaves_out():
    read = read_openapi(SHOP)
    assert read.base_url == "https://api.example.org/v1"
    assert [each["id"] for each in read.operations] == ["getOrder", "changeOrder"]
    assert read.left_out == ["PUT /upload: it takes a body of the type multipart/form-data"]
    change = read.operations[1]["schema"]
    assert set(change["properties"]) == {"id", "amount", "id_2", "parts"}
    assert set(change["required"]) == {"id", "amount"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "openapi: 3.0.0",
        "a: &a [*a]",
        "openapi: 3.0.0\npaths: {/a: {get: {parameters: [{$ref: 'https://evil.example/x'}]}}}",
        "openapi: 3.0.0\npaths: {/a: {get: {parameters: [{$ref: '#/x'}]}}}\nx: {$ref: '#/x'}",
        "openapi: 3.0.0\npaths: {/a: {get: {parameters: [{name: a, in: query, schema: {type: nonsense}}]}}}",
    ],
)
def test_what_cannot_be_used_is_refused(text):
    with pytest.raises(BadOpenApi):
        read_openapi(text)


def test_a_schema_that_unfolds_for_ever_is_refused():
    branching = {"type": "object", "properties": {str(n): {"$ref": "#/components/schemas/A"} for n in range(20)}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
    document = {"openapi": "3.1.0", "paths": {"/a": {"post": {"requestBody": body}}}}
    with pytest.raises(BadOpenApi, match="length"):
        read_openapi(json.dumps({**document, "components": {"schemas": {"A": branching}}}))


async def test_an_operation_is_called_as_its_document_says(team):
    await import_in_thread(text=SHOP, team_id=team.id, auth="header", auth_name="X-Key", secret="hunter2")
    tools, http = tools_of(team.id, HttpResponse(status=200, url="", content=b'{"ok": true}'))
    info = await tools.describe("openapi/bee-shop/changeOrder")
    assert info.acts
    given = {"id": "a/b c", "amount": "2", "id_2": "y", "parts": []}
    result = await tools.call("openapi/bee-shop/changeOrder", given, key="k1")
    assert result.json == {"ok": True}
    (request,) = http.seen
    assert (request.method, request.url) == ("POST", "https://api.example.org/v1/orders/a%2Fb%20c")
    assert json.loads(request.content) == {"amount": 2, "id": "y", "parts": []}
    headers = dict(request.headers)
    assert (headers["x-key"], headers["idempotency-key"]) == ("hunter2", "k1")
    assert request.private == {"x-key"}
    await tools.call("openapi/bee-shop/getOrder", {"id": "1", "tag": ["a", "b"], "X-Lang": "de"}, key="k2")
    assert http.seen[1].params == [("tag", "a"), ("tag", "b")]
    assert ("X-Lang", "de") in http.seen[1].headers
    assert "idempotency-key" not in dict(http.seen[1].headers)


async def import_in_thread(**options):
    from support.database import in_thread

    return await in_thread(import_openapi, **options)


async def test_parameters_stay_in_their_places_and_errors_are_told(team):
    await import_in_thread(text=SHOP, team_id=team.id)
    tools, http = tools_of(team.id, HttpResponse(status=503, url="", content=b"busy", headers=[("retry-after", "7")]))
    for bad in ("..", ".", ""):
        assert (await failure(tools.call("openapi/bee-shop/getOrder", {"id": bad}))).code == "tool_parameters"
    smuggled = {"id": "1", "X-Lang": "de\r\nEvil: 1"}
    assert (await failure(tools.call("openapi/bee-shop/getOrder", smuggled))).code == "tool_parameters"
    assert http.seen == []
    busy = await failure(tools.call("openapi/bee-shop/getOrder", {"id": "1"}))
    assert (busy.code, busy.retryable, busy.details) == ("tool_failed", True, {"status": 503, "retry_after": 7})


async def test_nobody_uses_the_tools_of_another_team(team):
    await import_in_thread(text=SHOP, team_id=team.id)
    from support.database import in_thread

    other = await in_thread(Team.objects.create, slug="wasps", name="Wasps")
    tools, _ = tools_of(other.id)
    assert (await failure(tools.describe("openapi/bee-shop/getOrder"))).code == "tool_not_found"
    await in_thread(Toolset.objects.update, is_enabled=False)
    tools, _ = tools_of(team.id)
    assert (await failure(tools.describe("openapi/bee-shop/getOrder"))).code == "tool_not_found"


def test_a_secret_is_encrypted_and_does_not_move_to_another_host(team, tmp_path, monkeypatch):
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    monkeypatch.setenv("SHOP_KEY", "hunter2")
    out = StringIO()
    call_command("import_openapi", str(path), "--team=bees", "--auth=bearer", "--secret-from=SHOP_KEY", stdout=out)
    outcome = json.loads(out.getvalue())
    assert outcome["tools"] == ["openapi/bee-shop/getOrder", "openapi/bee-shop/changeOrder"]
    toolset = Toolset.objects.get()
    assert "hunter2" not in toolset.encrypted_secret
    assert toolset.read_secret() == "hunter2"
    with pytest.raises(InvalidInput):
        import_openapi(text=SHOP, team_id=team.id, base_url="https://evil.example")
    again = import_openapi(text=SHOP, team_id=team.id)
    assert (again.is_new, again.toolset.read_secret()) == (False, "hunter2")
