"""A small web site on this machine, for the tests of imports: pages can change, vanish and count their readers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What is served at a path. `first` is called before each answer."""

    content: bytes = b""
    type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    first: Callable[[], object] | None = None


@dataclass
class Website:
    """The pages by path, what was asked for with its headers, and the bodies that were sent."""

    port: int
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, path: str, content: str | bytes, **more: object) -> None:
        data = content.encode() if isinstance(content, str) else content
        self.pages[path] = Page(content=data, **more)  # type: ignore[arg-type]

    def article(self, path: str, text: str) -> None:
        body = f"<p>{text}</p><p>Bees are kept for honey and for pollination, by people all over the world.</p>"
        page = f"<!doctype html><html><head><title>T</title></head><body><main><h1>T</h1>{body}</main></body></html>"
        self.put(path, page)

    def paths(self) -> list[str]:
        return [path for path, _headers in self.asked if path != "/robots.txt"]


@contextmanager
def website() -> Iterator[Website]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            length = int(self.headers.get("content-length") or 0)
            if length:
                site.bodies.append(self.rfile.read(length))
            page = site.pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            if page.first is not None:
                page.first()
            tag = page.headers.get("ETag")
            unchanged = tag is not None and self.headers.get("If-None-Match") == tag
            self.send_response(304 if unchanged else page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", page.type)
            self.send_header("Content-Length", str(0 if unchanged else len(page.content)))
            self.end_headers()
            if not unchanged:
                self.wfile.write(page.content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site = Website(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
