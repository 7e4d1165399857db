"""The tokens: two sets of values, the same names in both, and text that can be read on every surface."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STYLES = ROOT / "static" / "console"
TOKENS = (STYLES / "tokens.css").read_text()

SURFACES = ("surface-0", "surface-1", "surface-2", "rail-surface", "rail-current")
TONES = ("success", "running", "warning", "error", "neutral")
READABLE, VISIBLE = 4.5, 3.0


def block(selector: str) -> dict[str, str]:
    """The custom properties of the last block with this selector."""
    body = re.findall(re.escape(selector) + r"\s*\{(.*?)\n\s*\}", TOKENS, re.DOTALL)[-1]
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", body))


LIGHT, DARK, AUTO = (block(f':root[data-theme="{name}"]') for name in ("light", "dark", "auto"))
THEMES = [pytest.param(LIGHT, id="light"), pytest.param(DARK, id="dark")]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_colour_is_readable_on_every_surface(theme):
    pairs = {
        (text, surface): contrast(theme[text], theme[surface])
        for text in ("text-strong", "text", "text-muted", "accent", "error")
        for surface in SURFACES
    }
    assert {pair: ratio for pair, ratio in pairs.items() if ratio < READABLE} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_words_on_filled_and_tinted_grounds_are_readable(theme):
    pairs = {tone: contrast(theme[tone], theme[f"{tone}-soft"]) for tone in TONES}
    pairs["on-accent"] = contrast(theme["on-accent"], theme["accent"])
    pairs["on-accent, hover"] = contrast(theme["on-accent"], theme["accent-hover"])
    pairs["on-danger"] = contrast(theme["on-danger"], theme["danger"])
    pairs["selected row"] = contrast(theme["text-muted"], theme["accent-soft"])
    assert {name: ratio for name, ratio in pairs.items() if ratio < READABLE} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_focus_rings_node_kinds_and_charts_can_be_seen_on_every_surface(theme):
    drawn = [name for name in theme if name.startswith("kind-")] + ["focus", "chart-1", "chart-2"]
    pairs = {(name, surface): contrast(theme[name], theme[surface]) for name in drawn for surface in SURFACES}
    assert {pair: ratio for pair, ratio in pairs.items() if ratio < VISIBLE} == {}


def test_light_and_dark_set_the_same_colours_and_auto_is_the_dark_set():
    assert LIGHT.keys() - {"danger-press"} == DARK.keys()
    assert AUTO == DARK


def test_every_custom_property_that_a_stylesheet_reads_is_defined():
    styles = {path.name: path.read_text() for path in STYLES.glob("*.css")}
    defined = {name for text in styles.values() for name in re.findall(r"--([\w-]+)\s*:", text)}
    # Read with a fallback only: a script sets them on one element.
    read = {(file, name) for file, text in styles.items() for name in re.findall(r"var\(--([\w-]+)\)", text)}
    assert {pair for pair in read if pair[1] not in defined} == set()
