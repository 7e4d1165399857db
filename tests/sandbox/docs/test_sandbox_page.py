"""docs/sandbox.md: its examples run, and it names every setting, status and error that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from apps.sandbox.protocol import JAVASCRIPT_PROFILE, TEMPLATE_PROFILE, Language, Maxima, RunLimits, Status
from apps.sandbox.sidecar import errors
from apps.sandbox.sidecar.config import BUILT_IN_PROFILES, _parser, read_config
from apps.sandbox.sidecar.zygote.layers import MODES
from tests.sandbox.sidecar_process import CHECKOUT, Sidecar

PAGE = CHECKOUT / "docs" / "sandbox.md"
EXAMPLE = re.compile(
    r"```json request ?(?P<path>\S*)\n(?P<request>.*?)```\s+```json answer\n(?P<answer>.*?)```", re.DOTALL
)
#: What an answer has besides, and differs each time.
MEASURED = "usage"


def examples() -> list[Any]:
    found = [match.groupdict() for match in EXAMPLE.finditer(PAGE.read_text())]
    assert len(found) >= 5
    return [pytest.param(each, id=f"{number} {each['request'][:40].strip()}") for number, each in enumerate(found)]


@pytest.mark.parametrize("example", examples())
def test_every_example_answers_what_the_page_says(example: dict[str, str], sidecar: Sidecar) -> None:
    answer = sidecar.ask("POST", example["path"] or "/v1/run", body=example["request"].encode())
    assert answer.code == 200
    answer.body.pop(MEASURED, None)
    assert answer.body == json.loads(example["answer"])


def test_no_example_is_left_without_its_answer() -> None:
    text = PAGE.read_text()
    assert text.count("```json") == 2 * len(examples())


def test_the_page_names_every_option_and_no_other() -> None:
    known = {option for action in _parser()._actions for option in action.option_strings if option.startswith("--")}
    text = PAGE.read_text()
    commands_of_others = {
        "--realtime",
        "--cap-drop",
        "--cap-add",
        "--user",
        "--read-only",
        "--security-opt",
        "--privileged",
        "--runtime",
        "--unix-socket",
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert known - {"--help"} <= named
    assert named <= known | commands_of_others


def test_the_page_names_every_status_error_mode_profile_and_language() -> None:
    text = PAGE.read_text()
    codes = {kind.code for kind in subclasses(errors.RequestRefused)}
    names = {*Status, *codes, *MODES, *BUILT_IN_PROFILES, *Language, JAVASCRIPT_PROFILE, TEMPLATE_PROFILE}
    assert not {str(name) for name in names if f"`{name}`" not in text and f'"{name}"' not in text}


def test_the_page_names_every_ending_that_the_supervisor_knows() -> None:
    text = PAGE.read_text()
    source = (CHECKOUT / "apps/sandbox/sidecar/supervisor/endings.py").read_text()
    types = set(re.findall(r'type="(\w+)"', source))
    assert len(types) >= 10
    assert not {each for each in types if f"`{each}`" not in text}


def test_the_page_tells_the_limits_that_hold() -> None:
    text = PAGE.read_text()
    limits, maxima = RunLimits(), Maxima()
    rows = {
        "wall_s": (limits.wall_s, maxima.wall_s),
        "output_bytes": (limits.output_bytes, maxima.output_bytes),
        "result_bytes": (limits.result_bytes, maxima.result_bytes),
    }
    for name, (default, most) in rows.items():
        assert re.search(rf"^\| `{name}`[^|]*\| {default:.0f} \| {most:.0f} \|", text, re.MULTILINE), name
    assert f"| {maxima.body_bytes} |" in text
    assert f"| `memory_mb` | 256 (`data` and your own profiles 512) | {maxima.memory_mb} |" in text
    assert f"| `cpu_s` | {maxima.cpu_s} | {maxima.cpu_s} |" in text
    config = read_config(["--listen", "unix:/x"], {})
    assert f"| `--queue` | {config.queue} |" in text
    assert f"| {config.recycle_runs}, {config.recycle_minutes:.0f} |" in text
    assert f"| `--watchdog-s` | {config.watchdog_s:.0f} |" in text


def subclasses(of: type[errors.RequestRefused]) -> set[type[errors.RequestRefused]]:
    return {of, *(deeper for kind in of.__subclasses__() for deeper in subclasses(kind))}


def test_the_page_links_to_the_files_that_it_names() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text()):
        assert (PAGE.parent / target).exists(), target


def test_the_decision_is_where_the_page_says() -> None:
    assert Path(PAGE.parent / "decisions" / "0006-sandbox.md").read_text().startswith("# ")
