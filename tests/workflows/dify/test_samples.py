"""Twelve documents that people made and published: each imports, comes back whole, and runs to the end where it can.

They are data beside the repository: SKEP_TEST_DOCUMENTS names their directory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.workflows.dsl import validate
from apps.workflows.dsl.problems import errors_in
from tests.model_runtime.openai_server import Completion
from tests.workflows.dify.conftest import App, Place
from tests.workflows.dsl.dify.documents import exported, imported, lost_on_the_way

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = Path(os.environ.get("SKEP_TEST_DOCUMENTS") or ROOT.parent / "shared" / "samples" / "dsl")
FILES = sorted(SAMPLES.glob("*.yml"))
there = pytest.mark.skipif(not FILES, reason="The published documents are not here: name them in SKEP_TEST_DOCUMENTS.")
Bring = Callable[..., App]

runs = pytest.mark.django_db(transaction=True, databases=["default", "traces"])


def sample(name: str) -> str:
    (path,) = (path for path in FILES if path.stem.startswith(name))
    return path.read_text()


@there
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_document_imports_without_an_error(path: Path) -> None:
    result = imported(yaml.safe_load(path.read_text()))
    assert result.errors == []
    assert errors_in(validate(result.document)) == []


@there
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_document_comes_back_whole_and_again_the_same(path: Path) -> None:
    raw = yaml.safe_load(path.read_text())
    assert lost_on_the_way(raw) == []
    document = imported(raw).document
    assert imported(json.loads(json.dumps(exported(document)))).document == document


@there
@runs
def test_a_slug_generator_gives_what_the_model_says(bring: Bring) -> None:
    app = bring(sample("SEO_Slug"))
    app.place.model.script(Completion("ten-tips-for-bees"))
    data = app.run(title="十个养蜂的技巧")
    assert (data["status"], data["outputs"]) == ("succeeded", {"output": "ten-tips-for-bees"})
    assert "十个养蜂的技巧" in app.prompts()[0]


@there
@runs
@pytest.mark.parametrize("country", ["", "México"])
def test_a_translation_goes_by_the_branch_for_the_country(bring: Bring, country: str) -> None:
    app = bring(sample("translation_workflow"))
    app.place.model.script(Completion("Hola"), Completion("Say it warmer."), Completion("¡Hola!"))
    data = app.run(target_lang="Spanish", source_lang="English", source_text="Hello", country=country)
    assert (data["status"], data["outputs"]) == ("succeeded", {"output": "¡Hola!"})
    prompts = app.prompts()
    assert len(prompts) == 3
    assert ("México" in prompts[1]) == bool(country)
    assert "Say it warmer." in prompts[2]


@there
@runs
def test_titles_are_cut_into_a_list_by_code(bring: Bring) -> None:
    app = bring(sample("标题党创作"))
    app.place.model.script(Completion("震惊！\\n惊爆！\n传疯了"))
    data = app.run(subject="蜜蜂", description="")
    assert (data["status"], data["outputs"]) == ("succeeded", {"title_list": ["震惊！", "惊爆！", "传疯了"]})


@there
@runs
def test_a_course_is_written_in_an_iteration_over_what_code_read(bring: Bring) -> None:
    app = bring(sample("dify_course"))
    outline = [{"chapter": "第1章", "title": "蜂箱", "contents": ["1.1 木头", "1.2 稻草"]}]
    text = f"```json\n{json.dumps(outline, ensure_ascii=False)}\n```"
    app.place.model.script(Completion(text), Completion("About wood."), Completion("About straw."))
    data = app.run(course_name="养蜂")
    assert data["status"] == "succeeded", data
    course = data["outputs"]["course"]
    assert [part["course"] for part in course] == ["About wood.", "About straw."]
    assert [part["info"]["subtitle"] for part in course] == ["1.1 木头", "1.2 稻草"]


@there
@runs
def test_a_question_is_taken_apart_answered_step_by_step_and_put_together(bring: Bring) -> None:
    app = bring(sample("llm2o1"))
    steps = [{"name": "一", "content": "数蜂巢"}, {"name": "二", "content": "数蜜蜂"}]
    app.place.model.script(
        Completion("先数蜂巢，再数蜜蜂。"),
        Completion(json.dumps({"steps": steps}, ensure_ascii=False)),
        Completion("三个"),
        Completion("九只"),
        Completion("一共九只。"),
    )
    reply = app.chat("有几只蜜蜂？")
    assert reply["answer"] == "## 问题分析步骤\n三个\n九只\n\n##  最终解答\n一共九只。", reply
    assert "数蜜蜂" in app.prompts()[3]
    assert "九只" in app.prompts()[4]


@there
@runs
def test_an_assistant_answers_from_its_dataset(bring: Bring) -> None:
    app = bring(sample("思考助手"))
    app.place.model.script(Completion("用SWOT分析。"), Completion("再想想。"))
    first = app.chat("怎么养蜂？")
    assert first["answer"] == "用SWOT分析。", first
    assert app.chat("还有呢？", conversation_id=first["conversation_id"])["answer"] == "再想想。"
    assert "用SWOT分析。" in app.prompts()[1]


@there
@runs
@pytest.mark.parametrize("kind", ["健康咨询", "使用帮助"])
def test_an_intent_decides_which_model_answers(bring: Bring, kind: str) -> None:
    app = bring(sample("根据用户的意图"))
    category = json.dumps({"category_id": "class_1" if kind == "健康咨询" else "class_2", "category_name": kind})
    app.place.model.script(Completion("用户想知道"), Completion(category), Completion("建议"), Completion("您好！"))
    data = app.run(query="血压高吃什么？")
    assert (data["status"], data["outputs"]) == ("succeeded", {"output": "您好！"}), data
    assert ("健康管家" in app.prompts()[2]) == (kind == "健康咨询")
    assert "建议" in app.prompts()[3]


@there
@runs
def test_a_card_is_ordered_over_http_and_its_address_extracted(bring: Bring, place: Place) -> None:
    address, text = "https://api.imgrender.cn", sample("Text_to_Card")
    assert address in text
    app = bring(text.replace(address, place.shop.base_url))
    app.place.model.script(Completion('{"image_url": "https://cdn.example/card.png"}'))
    data = app.run(author="苏轼", body_text="蜜中有诗人不知")
    assert (data["status"], data["outputs"]) == ("succeeded", {"image_url": "https://cdn.example/card.png"}), data
    (order,) = app.place.shop.orders
    assert (order.method, order.path) == ("POST", "/open/v1/pics")
    assert "苏轼" in json.dumps(json.loads(order.body), ensure_ascii=False)
    assert order.headers["x-api-key"]


@there
@runs
def test_a_tool_that_is_missing_is_told_at_the_import_and_fails_only_where_it_is_reached(bring: Bring) -> None:
    app = bring(sample("json_translate"))
    assert app.run(json_data='{"colour": "#ffcc00", "size": 12}')["outputs"] == {
        "updated_json": '{\n  "colour": "#ffcc00",\n  "size": 12\n}'
    }
    reached = app.run(json_data='{"name": "bee"}')
    assert (reached["code"], "google_translate" in reached["message"]) == ("node_unavailable", True), reached


@there
@runs
@pytest.mark.parametrize(
    ("name", "package", "asked"),
    [("json-repair", "json_repair", {"llm_string": "{"}), ("Form", "requests", "hi"), ("完蛋", "sympy", "#开始")],
)
def test_code_that_needs_a_package_says_so(bring: Bring, name: str, package: str, asked: Any) -> None:
    app = bring(sample(name))
    failed = app.run(**asked) if isinstance(asked, dict) else app.chat(asked)
    assert package in failed["message"], failed


@there
@runs
def test_a_game_says_how_to_begin(bring: Bring) -> None:
    app = bring(sample("完蛋"))
    assert "还未开始游戏" in app.chat("hello")["answer"]
    assert app.place.model.requests == []
