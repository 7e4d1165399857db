"""What a fresh installation shows: a team, a dataset of the project's own documents, three apps."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

HERE = Path(__file__).resolve().parent
TEAM_SLUG, TEAM_NAME = "demo", "Demo team"
DATASET = "handbook"


def app_documents() -> list[str]:
    """The texts of the demo apps, in the order of the list."""
    return [path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.yaml"))]


def dataset_files() -> list[Path]:
    """The handbook as PDF and the project's reference pages.

    The chapters' Markdown is left out: the PDF is made of it, and every answer would be found twice.
    """
    docs: Path = settings.BASE_DIR / "docs"
    return [
        docs / "handbook" / "handbook.pdf",
        docs / "handbook" / "handbook-zh.md",
        docs / "errors.md",
        *sorted((docs / "nodes").glob("*.md")),
    ]
