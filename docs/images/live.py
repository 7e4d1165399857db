"""Take the picture of a run that goes on, from a running installation with the demo content.

    OPENAI_BASE_URL=http://127.0.0.1:9911/v1 OPENAI_API_KEY=slow OPENAI_MODEL=slow make up    # a fresh one
    python docs/images/live.py http://127.0.0.1:8000 PASSWORD

It plays the model itself, one that writes slowly. Needs what `take.py` needs.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import Browser, expect, sync_playwright
from take import PATIENCE_MS, SIZE, take

PLACE = ("127.0.0.1", 9911)
ASKED = "What happens when I correct an answer?"
SAID = (
    "Your text is kept beside the original, with your name and the time. Once it is approved, the same question is "
    "answered with it at once, without asking a model, and marked as reviewed [1]. It is shown to the model as an "
    "example for questions like it [2], and it can go into a golden set, so that the next version of the app is "
    "measured by it before anybody publishes that version [3]. Whoever takes it back takes it out of use everywhere."
)


class SlowModel(BaseHTTPRequestHandler):
    """Says one thing, a word at a time."""

    def do_POST(self) -> None:
        """Stream the answer as the chat protocol has it."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in SAID.split(" "):
            self._tell({"choices": [{"index": 0, "delta": {"content": f"{word} "}}]})
            time.sleep(0.35)
        self._tell({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _tell(self, event: dict[str, object]) -> None:
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.wfile.flush()


def picture(browser: Browser, base: str, password: str) -> None:
    """Ask in one page, watch in another."""
    context = browser.new_context(base_url=base, viewport=SIZE, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.goto("/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/apps/ask-the-handbook/playground/")
    page.get_by_label("Message", exact=True).fill(ASKED)
    page.keyboard.press("Enter")
    expect(page.locator("[data-streaming] .bubble")).to_contain_text("Your text")
    watching = context.new_page()
    watching.goto("/admin/traces/trace/")
    watching.get_by_role("link", name=ASKED).first.click()
    expect(watching.locator("[data-live-text]")).to_contain_text("as an example")
    take(watching, "live")


if __name__ == "__main__":
    server = ThreadingHTTPServer(PLACE, SlowModel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        picture(playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]), *sys.argv[1:3])
