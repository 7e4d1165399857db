"""The console in Chinese: switched by a person, remembered, and with no English left in the frame of any page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.datasets.services.datasets import create_dataset
from apps.workflows.models import Application

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
MakeApp = Callable[..., Application]

TITLES = {"start": "开始", "reply": "回复", "say": "回答"}
QUESTION = "你是谁？"
#: What people read or hear on a page. What is code, or was written by people or models, stands in these elements.
SPOKEN = """() => {
  const data = "script, style, template, code, pre, kbd, textarea, .mono, .json, .value, .bubble, .prompt, .role-text, "
    + "[data-markdown], ins, del, .copy-line > span";
  const found = [];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest(data)) found.push(walker.currentNode.data.trim());
  }
  for (const element of document.querySelectorAll("*")) {
    for (const name of ["aria-label", "title", "placeholder"]) found.push((element.getAttribute(name) ?? "").trim());
  }
  for (const element of document.querySelectorAll("#words, template, [data-words]")) {
    const parts = [element, ...(element.content?.querySelectorAll("*") ?? [])];
    for (const part of parts) {
      for (const attribute of part.attributes) {
        if (attribute.name.startsWith("data-") && attribute.value.includes(" ")) found.push(attribute.value.trim());
      }
    }
  }
  return found;
}"""
#: The same in Chinese: names of the product, of languages, protocols and units, and of the test's own people.
SAME = {
    *(
        "Skep",
        "English",
        "Python",
        "JavaScript",
        "API",
        "JSON",
        "PDF",
        "Token",
        "YAML",
        "ID",
        "SHA-256",
        "ms",
        "OpenTelemetry",
    ),
    *("Acme", "acme", "ada"),
}
#: Written as in documents and in the API: types of nodes, outputs, names of models.
CODES = {
    *("start", "llm", "answer", "reply", "stop", "text", "model", "provider", "usage", "reasoning", "citations"),
    *("hashing", "demo", "pgvector", "CSV", "JSONL"),
}
WORD = re.compile(r"[A-Za-z][A-Za-z'’]+")
#: Types of nodes, names of models and files, addresses: written as in documents.
IDENTIFIER = re.compile(r"\S*[-_/.:@]\S*|[0-9a-f]{6,}")


def test_the_language_is_switched_on_the_sign_in_page_and_kept_inside(
    server: str, member: User, open_page: OpenPage
) -> None:
    page = open_page(server, "/login/?next=/datasets/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", name="Sign in to Skep")).to_be_visible()

    switch(page, menu="Language", to="简体中文")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.get_by_role("heading", name="登录 Skep")).to_be_visible()

    page.get_by_label("用户名").fill("ada")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("请输入一个正确的用户名和密码")
    page.get_by_label("用户名").fill("ada")
    page.get_by_label("密码").fill("a long enough password")
    page.get_by_role("button", name="登录").click()
    expect(page).to_have_url(re.compile("/datasets/$"))
    expect(page.get_by_role("heading", name="知识库", level=1)).to_be_visible()

    page.goto("/apps/new/?from=here")
    switch(page, menu="语言", to="English")
    expect(page).to_have_url(re.compile(r"/apps/new/\?from=here$"))
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Make the app")).to_be_visible()


def test_a_browser_that_asks_for_chinese_gets_chinese(server: str, open_page: OpenPage) -> None:
    page = open_page(server, "/login/")
    page.set_extra_http_headers({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"})
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.get_by_role("button", name="登录")).to_be_visible()


def test_no_page_leaves_english_in_its_frame(
    server: str, member: User, team: Team, open_page: OpenPage, make_app: MakeApp
) -> None:
    app = chinese_app(make_app)
    dataset = create_dataset(team_id=team.id, name="员工手册", slug="handbook-zh")
    page = open_page(server, "/login/", user=member, expected="404")
    speak_chinese(page, server)
    run, trace, review = ask(page, app)

    left: dict[str, str] = {}
    for path in [*paths(app, dataset.slug), run, trace, review]:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == (404 if path == "/nothing-here/" else 200), path
        assert page.locator("html").get_attribute("lang") == "zh-hans", path
        for text in page.evaluate(SPOKEN):
            if is_english(text):
                left.setdefault(text, path)
    assert not left, "\n".join(f"{path}: {text}" for text, path in left.items())


@pytest.mark.parametrize("width", [1440, 375])
def test_chinese_pages_fit_into_the_window(
    width: int, server: str, member: User, open_page: OpenPage, make_app: MakeApp
) -> None:
    app = chinese_app(make_app)
    page = open_page(server, "/login/", user=member, width=width)
    speak_chinese(page, server)
    for path in ("/", f"/apps/{app.slug}/", f"/apps/{app.slug}/playground/", "/datasets/", "/admin/", "/apps/new/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        # A button whose characters stand one below the other, or break into two lines, is too narrow.
        for button in page.locator("main .button:visible, .topbar .button:visible").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] <= 48, f"{path}: {button.inner_text()}"


def chinese_app(make_app: MakeApp) -> Application:
    """A chat whose own texts are Chinese, so that every Latin word on its pages comes from the frame."""
    app = make_app("chat", name="助手", public=True)
    for node in app.draft.document["nodes"]:  # type: ignore[union-attr]
        node["title"] = TITLES[node["id"]]
    nodes = app.draft.document["nodes"]  # type: ignore[union-attr]
    return make_app("chat", name="助手", public=True, nodes=nodes)


def switch(page: Page, *, menu: str, to: str) -> None:
    page.locator("summary").filter(has=page.get_by_role("img", name=menu)).click()
    page.get_by_role("menuitemradio", name=to).click()


def speak_chinese(page: Page, server: str) -> None:
    page.context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": server}])


def ask(page: Page, app: Application) -> tuple[str, str, str]:
    """Ask in the playground; the addresses of the run, of its trace and of the review."""
    page.goto(f"/apps/{app.slug}/playground/")
    page.get_by_placeholder(re.compile("发消息")).fill(QUESTION)
    page.get_by_role("button", name="发送").click()
    expect(page.locator(".turn-app .turn-tools").last).to_be_visible()
    return (
        found(page, f"/apps/{app.slug}/runs/"),
        found(page, "/admin/traces/trace/"),
        found(page, f"{reverse('admin:annotations_review_changelist')}?show=all"),
    )


def found(page: Page, listing: str) -> str:
    """The address that the question leads to from a list, which is told of runs a moment after they end."""
    link = page.get_by_role("link", name=QUESTION)
    for _attempt in range(20):
        page.goto(listing)
        if link.count():
            return link.first.get_attribute("href") or ""
        page.wait_for_timeout(250)
    raise AssertionError(f"{QUESTION} is not in {listing}")


def paths(app: Application, dataset: str) -> Iterator[str]:
    """The console's pages and every list and form of the admin."""
    yield from ("/", "/apps/new/", "/apps/import/", "/nothing-here/", f"/chat/{app.slug}/", "/password/")
    for tab in ("", "playground/", "document/", "versions/", "versions/1/to/2/", "keys/", "runs/", "settings/"):
        yield f"/apps/{app.slug}/{tab}"
    yield from ("/datasets/", "/datasets/new/")
    for tab in ("", "search/", "search/?q=手册", "settings/"):
        yield f"/datasets/{dataset}/{tab}"
    yield reverse("admin:index")
    for model in admin.site._registry:
        if apps.get_app_config(model._meta.app_label).name != "django.contrib.auth":
            yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for name in ("accounts_team", "accounts_user", "providers_providercredential", "workflows_toolset"):
        yield reverse(f"admin:{name}_add")
    yield reverse("sandbox:health")


def is_english(text: str) -> bool:
    if re.search(r"[\u4e00-\u9fff]", text):
        return False
    if text in CODES or text == "temperature 0.2":
        return False
    rest = [word for word in text.split() if not IDENTIFIER.fullmatch(word)]
    return any(word not in SAME for word in WORD.findall(" ".join(rest)))
