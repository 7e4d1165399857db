"""The vendored icon set: which names exist, and how the sprite is made from Lucide's files.

`PYTHONPATH=platform python -m console.icons <lucide-static>/icons` rebuilds the sprite after a change of icons.txt.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "static" / "vendor" / "lucide"
SPRITE = FOLDER / "sprite.svg"
WANTED = FOLDER / "icons.txt"
STROKE = "1.75"


@cache
def icon_names() -> frozenset[str]:
    """The icons in the sprite."""
    return frozenset(re.findall(r'<symbol id="([a-z0-9-]+)"', SPRITE.read_text()))


def wanted_names() -> list[str]:
    """The icons we ask for, sorted."""
    return sorted(set(WANTED.read_text().split()))


def build_sprite(source: Path) -> str:
    """One SVG with a symbol for each wanted icon. Raises FileNotFoundError for a name Lucide does not have."""
    symbols = [_symbol(name, (source / f"{name}.svg").read_text()) for name in wanted_names()]
    head = "<!-- Lucide, ISC; see LICENSE and ../README.md. Made by console.icons from icons.txt. -->"
    return "\n".join([head, '<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])


def _symbol(name: str, text: str) -> str:
    shapes = "".join(re.findall(r"<(?!svg|/svg|!)[^>]+>", text)).replace(" />", "/>")
    return (
        f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="{STROKE}" '
        f'stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>'
    )


if __name__ == "__main__":
    SPRITE.write_text(build_sprite(Path(sys.argv[1])))
