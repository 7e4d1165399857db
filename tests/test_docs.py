"""Documentation that fails the build when it lies."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.errors import ConsoleError

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def subclasses(of: type[ConsoleError]) -> Iterator[type[ConsoleError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from subclasses(kind)


def test_every_error_code_is_explained() -> None:
    for path in [*ROOT.glob("apps/**/errors.py"), *ROOT.glob("platform/**/errors.py")]:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("platform.")
        importlib.import_module(name)
    from apps.datasets.text.errors import ERRORS

    page = (DOCS / "errors.md").read_text()
    codes = {kind.code for kind in subclasses(ConsoleError)} | set(ERRORS)
    assert len(codes) > 30
    assert not {code for code in codes if f"`{code}`" not in page}


def test_every_page_links_only_to_what_exists() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_the_handbook_as_pdf_says_what_its_chapters_say(tmp_path: Path) -> None:
    namespace: dict[str, object] = {"__file__": str(DOCS / "handbook" / "build_pdf.py"), "__name__": "build_pdf"}
    exec((DOCS / "handbook" / "build_pdf.py").read_text(), namespace)
    fresh = tmp_path / "handbook.pdf"
    namespace["build"](fresh)  # type: ignore[operator]
    assert fresh.read_bytes() == (DOCS / "handbook" / "handbook.pdf").read_bytes(), (
        "run .venv/bin/python docs/handbook/build_pdf.py"
    )


@pytest.mark.parametrize("command", ["ingest", "search", "run_app", "create_key", "import_app", "up"])
def test_the_commands_of_the_readme_exist_and_explain_themselves(command: str) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "manage.py", command, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
