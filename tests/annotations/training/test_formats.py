"""An example in every format, what each line must be, and what is refused."""

from __future__ import annotations

import copy
import csv
import io
from typing import Any

import orjson
import pyarrow.parquet
import pytest

from apps.annotations.training.checking import fault_of
from apps.annotations.training.example import Example, dialogue, with_tools
from apps.annotations.training.files import open_sink
from apps.annotations.training.formats import FORMATS, Entry
from tests.annotations.training.test_examples import one_call

SYSTEM, ASKED, GOOD, BAD = "You know bees.", "How often do I inspect?", "Every 7 to 10 days.", "Once a year."


def example() -> Example:
    return dialogue(ASKED, answer=GOOD, rejected=BAD, system=SYSTEM, earlier=[("Hello", "Good day.")])


def called() -> Example:
    return with_tools(example(), steps=[one_call("weather now", {"place": "Graz", "days": 2}, '{"rain": false}')])


def line_of(made: Example, format: str) -> dict[str, Any]:
    return FORMATS[format].line(Entry(id="e1", example=made, split="train", tokens=31, source="correction"))


def test_openai_chat_holds_the_dialogue_and_the_good_answer() -> None:
    assert line_of(example(), "openai") == {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Good day."},
            {"role": "user", "content": ASKED},
            {"role": "assistant", "content": GOOD},
        ]
    }


def test_openai_chat_holds_calls_of_tools_and_defines_them() -> None:
    line = line_of(called(), "openai")
    call, outcome = line["messages"][4:6]
    assert call["tool_calls"][0]["function"] == {"name": "weather_now", "arguments": '{"days":2,"place":"Graz"}'}
    assert outcome == {"role": "tool", "content": '{"rain": false}', "tool_call_id": "call_1_1"}
    properties = {"place": {"type": "string"}, "days": {"type": "number"}}
    assert line["tools"][0]["function"] == {
        "name": "weather_now",
        "parameters": {"type": "object", "properties": properties},
    }


def test_both_preference_formats_hold_the_better_and_the_worse_answer() -> None:
    openai, trl = (line_of(example(), name) for name in ("openai-preference", "trl-preference"))
    assert set(openai) == {"input", "preferred_output", "non_preferred_output"}
    assert openai["input"]["messages"][-1] == {"role": "user", "content": ASKED}
    assert set(trl) == {"prompt", "chosen", "rejected"}  # the columns that TRL's DPOTrainer documents
    assert trl["prompt"] == openai["input"]["messages"]
    assert trl["chosen"] == openai["preferred_output"] == [{"role": "assistant", "content": GOOD}]
    assert trl["rejected"] == openai["non_preferred_output"] == [{"role": "assistant", "content": BAD}]


def test_sharegpt_names_the_speakers() -> None:
    line = line_of(called(), "sharegpt")
    assert [each["from"] for each in line["conversations"]] == [
        "human", "gpt", "human", "function_call", "observation", "gpt",
    ]  # fmt: skip
    assert orjson.loads(line["conversations"][3]["value"])["name"] == "weather_now"
    assert line["system"] == SYSTEM
    assert orjson.loads(line["tools"])[0]["name"] == "weather_now"


def test_alpaca_has_its_three_columns_and_the_history_where_there_is_one() -> None:
    line = line_of(example(), "alpaca")
    assert (line["instruction"], line["input"], line["output"]) == (ASKED, "", GOOD)
    assert line["history"] == [["Hello", "Good day."]]
    assert set(line_of(dialogue(ASKED, answer=GOOD), "alpaca")) == {"instruction", "input", "output"}


def test_examples_without_a_place_in_a_format_are_named_by_the_reason() -> None:
    plain = dialogue(ASKED, answer=GOOD)
    same = dialogue(ASKED, answer=GOOD, rejected=f" {GOOD} ")
    for name in ("openai-preference", "trl-preference"):
        assert FORMATS[name].leaves_out(plain) == "no_rejected"
        assert FORMATS[name].leaves_out(same) == "same_answers"
        assert not FORMATS[name].leaves_out(example())
    assert FORMATS["alpaca"].leaves_out(called()) == "tools"
    assert not FORMATS["openai"].leaves_out(called())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("made", [example(), called()], ids=["plain", "tools"])
def test_good_lines_pass(name: str, made: Example) -> None:
    assert fault_of(line_of(made, name), format=name) == ""


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("messages", 0, "role"), "robot", "robot"),
        (("messages", 4, "content"), " ", "messages[4]"),
        (("messages", 1, "role"), "system", "must come first"),
        (("messages", 4, "role"), "user", "must be an answer"),
        (("extra",), 1, "extra"),
    ],
)
def test_bad_lines_of_openai_chat_are_refused_with_the_place(place: tuple[Any, ...], value: Any, said: str) -> None:
    line = copy.deepcopy(line_of(example(), "openai"))
    inner: Any = line
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert said in fault_of(line, format="openai")


def test_calls_must_be_of_defined_tools_and_be_answered() -> None:
    line = line_of(called(), "openai")
    unanswered = {**line, "messages": [*line["messages"][:5], line["messages"][-1]]}
    assert "no answer" in fault_of(unanswered, format="openai")
    undefined = {"messages": line["messages"]}
    assert "weather_now is not defined" in fault_of(undefined, format="openai")
    stray = {"messages": [*line["messages"][:4], line["messages"][5], line["messages"][-1]]}
    assert "answers no call" in fault_of(stray, format="openai")


def test_preferences_must_ask_for_an_answer() -> None:
    line = line_of(example(), "trl-preference")
    line["prompt"].append({"role": "assistant", "content": "Well."})
    assert "must ask for an answer" in fault_of(line, format="trl-preference")


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_lines_make_the_same_bytes(name: str) -> None:
    assert written(name, [line_of(example(), name)] * 5) == written(name, [line_of(example(), name)] * 5)


def test_csv_is_read_back_and_calculates_nothing() -> None:
    line = line_of(dialogue('=1+1\n"quoted", with comma', answer=GOOD), "csv")
    rows = list(csv.DictReader(io.StringIO(written("csv", [line]).decode("utf-8-sig"), newline="")))
    assert rows[0]["question"] == '\'=1+1\n"quoted", with comma'
    assert rows[0]["answer"] == GOOD


def test_parquet_is_read_back_with_its_columns() -> None:
    lines = [line_of(example(), "parquet")] * 1_500
    read = pyarrow.parquet.ParquetFile(io.BytesIO(written("parquet", lines)))
    assert (read.metadata.num_rows, read.metadata.num_row_groups) == (1_500, 6)
    assert read.read().to_pylist()[0] == lines[0]


def written(name: str, lines: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    sink = open_sink(file, format=name)
    sink.write(lines)
    sink.close()
    return file.getvalue()
