"""What every template promises: no inline code, only icons that exist, vendored files with their licence."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from console.icons import build_sprite, icon_names, wanted_names
from console.navigation import SECTIONS
from console.templatetags.parts import KINDS, STATUSES

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
VENDOR = ROOT / "static" / "vendor"

INLINE = {
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*="),
    "a style element": re.compile(r"<style\b"),
    "an event handler": re.compile(r"<[a-z][^>]*\son[a-z]+\s*="),
    "a script without a source": re.compile(r"<script\b(?![^>]*\bsrc=)(?![^>]*application/json)"),
    "a script address": re.compile(r"javascript:", re.IGNORECASE),
}


def without_comments(text: str) -> str:
    return re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", text, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ('<p style="color: red">', "a style attribute"),
        ("<style>p {}</style>", "a style element"),
        ('<a onclick="go()">', "an event handler"),
        ("<script>go()</script>", "a script without a source"),
        ('<a href="javascript:go()">', "a script address"),
        ('<script type="module" src="/x.js"></script><svg x="1%"></svg><p class="on">', None),
    ],
)
def test_the_rules_find_inline_code_and_nothing_else(markup, found):
    assert [name for name, rule in INLINE.items() if rule.search(markup)] == ([found] if found else [])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_holds_inline_code_and_every_icon_exists(path):
    text = without_comments(path.read_text())
    assert [name for name, rule in INLINE.items() if rule.search(text)] == []
    assert set(re.findall(r'\{% icon "([^"]+)"', text)) - icon_names() == set()
    get_template(str(path.relative_to(ROOT / "templates")))


def test_the_rail_the_statuses_and_the_kinds_use_icons_of_the_sprite():
    used = {item.icon for section in SECTIONS for item in section.items}
    used |= {icon for _tone, icon, _label in STATUSES.values()} | {icon for _hue, icon in KINDS.values()}
    assert used - icon_names() == set()


def test_the_sprite_holds_exactly_the_icons_of_the_list():
    assert icon_names() == set(wanted_names())


def test_building_the_sprite_needs_every_wanted_file(tmp_path):
    for name in wanted_names():
        (tmp_path / f"{name}.svg").write_text('<!-- x -->\n<svg\n class="a"\n>\n  <path d="M1 1" />\n</svg>')
    assert '<symbol id="x" ' in build_sprite(tmp_path)
    assert build_sprite(tmp_path).count('<path d="M1 1"/>') == len(wanted_names())
    (tmp_path / "x.svg").unlink()
    with pytest.raises(FileNotFoundError):
        build_sprite(tmp_path)


def test_every_vendored_folder_has_its_licence_and_is_listed():
    listed = (VENDOR / "README.md").read_text()
    folders = [path for path in VENDOR.iterdir() if path.is_dir()]
    assert [path.name for path in folders if not (path / "LICENSE").exists()] == []
    assert [path.name for path in folders if f"`{path.name}/`" not in listed] == []
