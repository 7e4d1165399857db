"""What Python code can do inside, and what its author is told when it goes wrong."""

from __future__ import annotations

import textwrap

import pytest

from tests.sandbox.zygote.driver import Zygote


def code(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def test_main_takes_the_inputs_by_name_and_returns_the_outputs(any_zygote: Zygote):
    outcome = any_zygote.run("def main(a, b):\n    return {'sum': a + b}\n", {"a": 1, "b": 2.5})
    assert outcome.outputs == {"sum": 3.5}
    assert outcome.reaped is not None
    assert (outcome.reaped.code, outcome.reaped.signal) == (0, None)


def test_what_is_printed_comes_line_by_line_and_apart(any_zygote: Zygote):
    outcome = any_zygote.run(
        code("""
            import sys
            def main():
                print("one")
                print("two", end="")
                print("problem", file=sys.stderr)
                sys.stdout.flush()
                sys.stdout.buffer.write(b" three\\n")
                return {}
        """)
    )
    assert outcome.outputs == {}
    assert (outcome.stdout, outcome.stderr) == ("one\ntwo three\n", "problem\n")


def test_a_script_runs_as_main_and_answers_by_printing(one_zygote: Zygote):
    outcome = one_zygote.run("if __name__ == '__main__':\n    print('hello')\n", mode="script")
    assert (outcome.outputs, outcome.stdout) == ({}, "hello\n")
    assert one_zygote.run("import sys\nsys.exit(0)", mode="script").outputs == {}
    assert one_zygote.run("import sys\nsys.exit('no')", mode="script").error["type"] == "SystemExit"


def test_an_exception_shows_the_users_lines_and_no_others(one_zygote: Zygote):
    error = one_zygote.run(
        code("""
            import json

            def parse(text):
                return json.loads(text)

            def main(text):
                try:
                    return parse(text)
                except ValueError as problem:
                    raise LookupError("nothing there") from problem
        """),
        {"text": "{"},
    ).error
    assert (error["type"], error["message"]) == ("LookupError", "nothing there")
    assert error["traceback"].count('File "') == error["traceback"].count('File "main.py"') == 3
    assert "line 4, in parse\n    return json.loads(text)" in error["traceback"]
    assert "line 10, in main" in error["traceback"]
    assert "Expecting property name" in error["traceback"]


def test_an_exception_that_cannot_be_shown_is_named(one_zygote: Zygote):
    error = one_zygote.run(
        code("""
            class Odd(Exception):
                def __str__(self):
                    raise SystemExit
            def main():
                raise Odd
        """)
    ).error
    assert (error["type"], error["message"]) == ("Odd", "<the exception could not be turned into text>")


def test_line_numbers_hold_where_the_text_has_other_line_ends(one_zygote: Zygote):
    error = one_zygote.run("x = 'a\x0cb'\r\ndef main():\r\n    return 1 / 0\r\n").error
    assert "line 3, in main\n    return 1 / 0" in error["traceback"]


ERRORS = {
    "no main": ("x = 1", "MissingMain", "main()"),
    "main is no function": ("main = 1", "MissingMain", "main()"),
    "not a dict": ("def main():\n    return [1]", "ResultType", "not list"),
    "nothing": ("def main():\n    pass", "ResultType", "not NoneType"),
    "nan": ("def main():\n    return {'a': [{'b c': float('nan')}]}", "ResultNotJson", "outputs.a[0]['b c']: nan"),
    "infinity": ("def main():\n    return {'a': 1e400}", "ResultNotJson", "outputs.a: inf"),
    "nan as key": ("def main():\n    return {'a': {float('nan'): 1}}", "ResultNotJson", "outputs.a: "),
    "set": ("def main():\n    return {'a': {1}}", "ResultNotJson", "outputs.a: set is not JSON"),
    "object": ("def main():\n    return {'a': (1, object())}", "ResultNotJson", "outputs.a[1]: object is not JSON"),
    "tuple as key": (
        "def main():\n    return {'a': {(1, 2): 3}}",
        "ResultNotJson",
        "outputs.a: has a key of type tuple",
    ),
    "itself": ("def main():\n    a = []\n    a.append(a)\n    return {'a': a}", "ResultNotJson", "contains itself"),
    "huge integer": (
        "def main():\n    return {'a': 10 ** 5000}",
        "ResultNotJson",
        "outputs.a: is an integer of more digits",
    ),
    "deep": (
        "def main():\n    a = []\n    for _ in range(9999):\n        a = [a]\n    return {'a': a}",
        "ResultNotJson",
        "deeper",
    ),
    "syntax": ("def main():\n    return (1\n", "SyntaxError", "never closed (line 2)"),
    "null byte": ("def main():\n    return '\0'", "SyntaxError", "null bytes"),
    "recursion": ("def main():\n    return main()", "RecursionError", "recursion"),
    "exit": ("import sys\ndef main():\n    sys.exit(3)", "SystemExit", "3"),
    "interrupt": ("def main():\n    raise KeyboardInterrupt", "KeyboardInterrupt", ""),
    "wrong input": ("def main(b):\n    return {}", "TypeError", "unexpected keyword argument 'a'"),
    "input()": ("def main(a):\n    return {'a': input()}", "EOFError", "EOF"),
    "no memory": ("def main(a):\n    return {'a': len(bytearray(10 ** 10))}", "MemoryError", "memory limit"),
    "no memory left": (
        "def main(a):\n    b = []\n    while True:\n        b.append('x' * 10 ** 6)",
        "MemoryError",
        "memory",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_goes_wrong_has_a_type_and_a_reason(one_zygote: Zygote, case: str):
    text, kind, reason = ERRORS[case]
    inputs = {"a": 1} if "main(a)" in text or "main(b)" in text else {}
    error = one_zygote.run(text, inputs).error
    assert error["type"] == kind
    assert reason in error["message"]
    assert one_zygote.run("def main():\n    return {}").outputs == {}


def test_memory_filled_with_small_things_is_still_told(one_zygote: Zygote):
    outcome = one_zygote.run("def main():\n    a = []\n    while True:\n        a.append([len(a)])\n", memory_mb=64)
    assert outcome.error["type"] == "MemoryError"


def test_lone_surrogates_are_replaced_wherever_they_come_out(one_zygote: Zygote):
    outcome = one_zygote.run("def main():\n    print('a\\ud800b')\n    return {'\\udfff': 'c\\ud800'}")
    assert outcome.stdout == "a�b\n"
    assert outcome.outputs == {"�": "c�"}


def test_async_main_is_awaited(any_zygote: Zygote):
    outcome = any_zygote.run(
        code("""
            import asyncio
            async def main(n):
                async def one(i):
                    await asyncio.sleep(0.001)
                    return await asyncio.to_thread(lambda: i * i)
                return {"squares": await asyncio.gather(*(one(i) for i in range(n)))}
        """),
        {"n": 5},
    )
    assert outcome.outputs == {"squares": [0, 1, 4, 9, 16]}


def test_modules_of_the_standard_library_can_be_imported_late(any_zygote: Zygote):
    outcome = any_zygote.run(
        code("""
            import bz2, concurrent.futures, ctypes, datetime, decimal, email, http.client, logging, lzma
            import multiprocessing, pickle, sqlite3, ssl, subprocess, tempfile, tomllib, unittest, zipfile, zoneinfo
            import xml.etree.ElementTree
            def main():
                with concurrent.futures.ThreadPoolExecutor(4) as pool:
                    squares = list(pool.map(lambda x: x * x, range(5)))
                summer = datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
                database = sqlite3.connect(":memory:")
                database.execute("create table t (a)")
                database.execute("insert into t values (7)")
                return {
                    "squares": squares,
                    "offset": summer.utcoffset().total_seconds(),
                    "row": database.execute("select a from t").fetchone()[0],
                    "lzma": lzma.decompress(lzma.compress(b"xyz")).decode(),
                    "tls": ssl.create_default_context().check_hostname,
                    "decimal": str(decimal.Decimal(1) / 8),
                    "here": datetime.datetime.now().astimezone().utcoffset().total_seconds(),
                    "length": ctypes.CDLL(None).strlen(b"four"),
                }
        """)
    )
    assert outcome.outputs == {
        "squares": [0, 1, 4, 9, 16],
        "offset": 7200.0,
        "row": 7,
        "lzma": "xyz",
        "tls": True,
        "decimal": "0.125",
        "here": 0.0,
        "length": 4,
    }


def test_what_looks_for_its_module_finds_it(one_zygote: Zygote):
    outcome = one_zygote.run(
        code("""
            from __future__ import annotations
            import inspect, pickle, typing
            from dataclasses import dataclass
            @dataclass
            class Point:
                x: int
            def main():
                return {
                    "hints": str(typing.get_type_hints(Point)),
                    "pickled": pickle.loads(pickle.dumps(Point(3))).x,
                    "source": inspect.getsource(main).splitlines()[0],
                }
        """)
    )
    assert outcome.outputs == {"hints": "{'x': <class 'int'>}", "pickled": 3, "source": "def main():"}


def test_a_run_that_breaks_the_interpreter_harms_itself_alone(one_zygote: Zygote):
    vandal = code("""
        import builtins, json, os, sys
        def main():
            builtins.isinstance = builtins.len = builtins.type = None
            json.JSONEncoder.iterencode = json.dumps = json.loads = None
            os.write = os._exit = None
            sys.stdout = sys.modules = None
            return {"a": 1}
    """)
    outcome = one_zygote.run(vandal)
    assert outcome.result is not None
    assert outcome.result == {"ok": True, "outputs": {"a": 1}, **outcome.result} or not outcome.result["ok"]
    assert one_zygote.run("import json\ndef main():\n    return {'a': json.loads('[1]')}").outputs == {"a": [1]}


def test_nothing_of_the_sandbox_can_be_imported(any_zygote: Zygote):
    outcome = any_zygote.run(
        code("""
            import sys
            def main():
                try:
                    import apps
                except ImportError as error:
                    names = [name for name in sys.modules if name.startswith("apps")]
                    return {"names": names, "error": str(error), "argv": sys.orig_argv}
        """)
    )
    assert outcome.outputs == {"names": [], "error": "No module named 'apps'", "argv": ["main.py"]}


def test_output_of_threads_after_the_result_does_not_follow_it(one_zygote: Zygote):
    outcome = one_zygote.run(
        code("""
            import threading
            def chatter():
                while True:
                    print("x" * 100)
            def main():
                threading.Thread(target=chatter, daemon=True).start()
                return {"a": 1}
        """)
    )
    assert outcome.outputs == {"a": 1}
    assert set(outcome.stdout) <= {"x", "\n"}


def test_code_may_end_its_process_and_then_there_is_no_result(one_zygote: Zygote):
    outcome = one_zygote.run("import os\ndef main():\n    os._exit(3)")
    assert outcome.result is None
    assert outcome.reaped is not None
    assert outcome.reaped.code == 3
