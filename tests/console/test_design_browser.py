"""The frame in a real browser: no refused code on any page, and everything by keyboard."""

import shutil

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = [
    "/",
    "/console/styles/",
    "/console/styles/?part=lists",
    "/console/styles/?part=forms",
    "/console/styles/?part=chat",
    "/console/styles/?part=trace",
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/team/add/",
    "/admin/auth/group/add/",
    "/admin/password_change/",
]


@pytest.fixture
def session_cookie(live_server, client):
    from accounts.models import Membership, Role, Team, User

    user = User.objects.create_superuser("ada", password="a long enough password")
    Membership.objects.create(team=Team.objects.create(slug="acme", name="Acme"), user=user, role=Role.OWNER)
    client.force_login(user)
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}


@pytest.fixture
def page(session_cookie):
    if CHROMIUM is None:
        pytest.skip("needs Chromium on PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = browser.new_context(base_url=session_cookie["url"], viewport={"width": 1280, "height": 800})
        context.add_cookies([session_cookie])
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        yield page
        browser.close()


def test_no_page_asks_for_anything_the_policy_refuses_or_is_wider_than_a_phone(page):
    for path in PAGES:
        assert page.goto(path).status == 200, path
        for width in (1280, 375):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, width)
        assert page.complaints == [], path


def test_the_palette_leads_anywhere_by_keyboard(page):
    page.goto("/console/styles/")
    page.keyboard.press("Control+k")
    page.keyboard.type("user")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/accounts/user/")


def test_shortcuts_leave_typing_alone_and_the_sheet_opens_with_a_question_mark(page):
    page.goto("/admin/accounts/user/")
    page.keyboard.press("/")
    page.keyboard.type("what?")
    assert page.input_value("#searchbar") == "what?"
    assert not page.is_visible("#key-sheet")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert page.is_visible("#key-sheet")
    page.keyboard.press("Escape")
    assert not page.is_visible("#key-sheet")


def test_a_chosen_theme_holds_on_the_next_page(page):
    page.goto("/console/styles/")
    page.click("summary:has(.icon-moon)")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.goto("/admin/")
    assert page.get_attribute("html", "data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 18, 16)"


def test_on_a_phone_the_rail_is_a_drawer_that_gives_the_focus_back(page):
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto("/console/styles/")
    assert not page.is_visible(".rail-nav")
    page.click("[data-drawer-open]")
    page.wait_for_selector(".rail-nav", state="visible")
    page.keyboard.press("Escape")
    page.wait_for_selector(".rail-nav", state="hidden")
    assert page.evaluate("document.activeElement.matches('[data-drawer-open]')")


def test_model_output_becomes_markdown_without_html_images_or_strange_links(page):
    page.goto("/console/styles/?part=chat")
    html = page.evaluate(
        """async (text) => {
            const { renderMarkdown } = await import('/static/console/markdown.js');
            const element = document.createElement('div');
            renderMarkdown(element, text);
            return element.innerHTML;
        }""",
        "**bold** <img src=x onerror=alert(1)> ![i](https://a.example/i.png) [js](javascript:alert(1)) "
        "[data](data:text/html,x) [site](https://a.example/) <script>alert(1)</script>\n\n|a|\n|--:|\n|1|",
    )
    assert "<strong>bold</strong>" in html
    assert "<img" not in html
    assert "<script" not in html
    assert "style=" not in html
    assert html.count("<a ") == html.count('rel="noopener noreferrer nofollow"')
    assert 'href="https://a.example/"' in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html


def test_a_changed_form_sticks_its_save_bar_and_an_unchanged_one_does_not(page):
    page.goto("/admin/accounts/team/add/")
    assert not page.is_visible(".save-note")
    page.fill("#id_name", "Night shift")
    assert page.is_visible(".save-note")
    page.fill("#id_name", "")
    assert not page.is_visible(".save-note")
