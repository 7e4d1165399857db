"""What JavaScript code gets, and what its author is told: the runner over its stream, without walls."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.javascript.conftest import Run

FOR_EVER = "await new Promise((done) => setTimeout(done, 9000));"


def test_main_takes_the_inputs_as_one_object(run: Run) -> None:
    answer = run("function main({arg1, arg2}) { return {both: [arg1, arg2]}; }", inputs={"arg1": "ü\u2028", "arg2": 2})
    assert answer.outputs == {"both": ["ü\u2028", 2]}
    assert answer.result is not None
    assert answer.result["cpu_ms"] >= 0
    assert answer.result["peak_kb"] > 1000


@pytest.mark.parametrize(
    "definition",
    [
        "function main({x}) { return {x}; }",
        "const main = ({x}) => ({x})",
        "async function main({x}) { await null; return {x}; }",
        "let main; main = function ({x}) { return new Promise((done) => setTimeout(done, 1, {x})); } // at the end",
        "'use strict'; globalThis.main = ({x}) => ({x});",
        "var main = ({x}) => ({then(done) { done({x}); }});",
    ],
)
def test_main_can_be_defined_in_any_way(run: Run, definition: str) -> None:
    assert run(definition, inputs={"x": 1}).outputs == {"x": 1}


def test_a_request_larger_than_one_read_arrives_whole(run: Run) -> None:
    text = "é" * 300_000
    assert run("function main({text}) { return {length: text.length}; }", inputs={"text": text}).outputs == {
        "length": len(text)
    }


def test_what_the_code_prints_arrives_in_order_and_on_its_stream(run: Run) -> None:
    answer = run(
        """
        const { Readable } = require("stream");
        async function main() {
          console.log("one %d", 1); console.error("two"); console.info({three: 3}); console.warn("four");
          process.stdout.write("five\\n"); process.stderr.write("six\\n");
          await require("stream/promises").pipeline(Readable.from(["se", "ven\\n"]), process.stdout);
          process.stdout.write(Buffer.from("eight\\n"));
          return {};
        }
        """
    )
    assert answer.stdout == "one 1\n{ three: 3 }\nfive\nseven\neight\n"
    assert answer.stderr == "two\nfour\nsix\n"


def test_ending_a_stream_does_not_silence_the_console(run: Run) -> None:
    code = """
    async function main() {
      await new Promise((done) => process.stdout.end("one\\n", () => setTimeout(done, 1)));
      console.log("two");
      return {};
    }
    """
    assert run(code).stdout == "one\ntwo\n"


def test_a_traceback_shows_the_authors_lines_only(run: Run) -> None:
    error = run(
        "function helper(value) {\n  return value.missing;\n}\nfunction main() {\n  return helper(null);\n}"
    ).error
    assert error["type"] == "TypeError"
    assert error["traceback"].splitlines()[1:] == ["    at helper (main.js:2:16)", "    at main (main.js:5:10)"]


def test_an_error_that_the_code_prints_ends_where_the_code_ends(run: Run) -> None:
    printed = run("function main() {\n  console.log(new Error('printed').stack);\n  return {};\n}").stdout
    assert printed == "Error: printed\n    at main (main.js:2:15)\n"


def test_an_error_after_an_await_and_its_cause_are_shown(run: Run) -> None:
    error = run(
        "async function main() {\n  await null;\n  try { null.x } catch (cause) {\n"
        "    throw new RangeError('outer', {cause});\n  }\n}"
    ).error
    assert (error["type"], error["message"]) == ("RangeError", "outer")
    assert "main (main.js:4:" in error["traceback"]
    assert "Caused by:\nTypeError" in error["traceback"]
    assert "runner.js" not in error["traceback"]
    assert "node:" not in error["traceback"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("function main() {\n  let a = ;\n}", 2),
        ("function main() {\n", 2),
        ("function main() { return {}; }\n}\n});", 2),
        ("\n\nreturn `open", 3),
        ("import fs from 'fs';", 1),
    ],
)
def test_a_syntax_error_names_the_authors_line_and_shows_nothing_of_ours(run: Run, code: str, line: int) -> None:
    error = run(code).error
    assert error["type"] == "SyntaxError"
    assert error["traceback"].startswith(f"main.js:{line}\n")
    assert "typeof main" not in error["traceback"]


@pytest.mark.parametrize("code", ["", "let x = 1;", "const main = 3;", "// function main() {}"])
def test_code_without_main_is_told_so(run: Run, code: str) -> None:
    assert run(code).error["type"] == "MissingMain"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("", "undefined"),
        ("null", "null"),
        ("[1]", "an array"),
        ("'text'", "a string"),
        ("() => 1", "a function"),
        ("1n", "a bigint"),
        ("new Map()", "a Map or a Set"),
        ("new Date()", "another type"),
    ],
)
def test_main_must_return_an_object(run: Run, value: str, named: str) -> None:
    error = run(f"function main() {{ return {value}; }}").error
    assert error["type"] == "ResultType"
    assert named in error["message"]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("{a: [1, {b: NaN}]}", "outputs.a[1].b"),
        ("{a: 1e308 * 10}", "outputs.a"),
        ("{a: new Number(NaN)}", "outputs.a"),
        ("{'not a name': undefined}", 'outputs["not a name"]'),
        ("{a: [, 1]}", "outputs.a[0]"),
        ("{a: () => 1}", "outputs.a"),
        ("{a: Symbol('s')}", "outputs.a"),
        ("{a: {b: 10n}}", "outputs.a.b"),
        ("{a: new Map([[1, 2]])}", "outputs.a"),
        ("{a: Promise.resolve(1)}", "outputs.a"),
        ("(() => { const a = {}; a.b = {c: a}; return {a}; })()", "outputs.a.b.c"),
        ("(() => { let a = {}; for (let i = 0; i < 5000; i++) a = {a}; return a; })()", "outputs.a.a.a"),
    ],
)
def test_what_json_cannot_hold_is_an_error_that_names_the_place(run: Run, value: str, path: str) -> None:
    error = run(f"function main() {{ return {value}; }}").error
    assert error["type"] == "ResultNotJson"
    assert error["message"].startswith(path)


def test_what_json_can_hold_comes_back_as_it_was(run: Run) -> None:
    shared = "const shared = {n: 1};"
    value = "{date: new Date(0), boxed: new Number(5), twice: [shared, shared], nothing: null, deep, '': -0.5}"
    deep = "let deep = 1; for (let i = 0; i < 61; i++) deep = [deep];"
    outputs = run(f"{shared} {deep} function main() {{ return {value}; }}").outputs
    assert outputs["date"] == "1970-01-01T00:00:00.000Z"
    assert outputs["boxed"] == 5
    assert outputs["twice"] == [{"n": 1}, {"n": 1}]
    assert outputs["nothing"] is None
    assert outputs[""] == -0.5


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("function main() { process.exit(3); }", "NoResult"),
        ("process.exit(0);", "NoResult"),
        ("async function main() { await new Promise(() => {}); }", "NoResult"),
        (f"async function main() {{ setTimeout(() => {{ throw new TypeError('late'); }}); {FOR_EVER} }}", "TypeError"),
        (f"async function main() {{ Promise.reject(new RangeError('lost')); {FOR_EVER} }}", "RangeError"),
        ("async function main() { throw {not: 'an error'}; }", "Error"),
        ("function main() { throw new Proxy({}, {get() { throw 1; }, getPrototypeOf() { throw 2; }}); }", "Error"),
        ("function main() { throw Object.defineProperty(new Error(), 'message', {get() { throw 1; }}); }", "Error"),
        ("function main() { return main(); }", "RangeError"),
        ("function main() { return {a: require('no-such-package')}; }", "Error"),
        ("function main() { return {toJSON() { throw new URIError('mine'); }}; }", "URIError"),
    ],
)  # fmt: skip
def test_every_other_way_to_fail_has_a_type(run: Run, code: str, kind: str) -> None:
    assert run(code).error["type"] == kind


def test_an_exception_that_the_code_expects_does_not_end_it(run: Run) -> None:
    code = """
    function main() {
      return new Promise((done) => {
        process.on("uncaughtException", (error) => done({caught: error.message}));
        setTimeout(() => { throw new Error("expected"); });
      });
    }
    """
    assert run(code).outputs == {"caught": "expected"}


@pytest.mark.parametrize(
    "prelude",
    [
        "JSON.stringify = () => '{\"evil\": 1}'; JSON.parse = null;",
        "Object.prototype.then = undefined; Object.prototype.get = () => 1; Array.prototype.push = null;",
        "Array.prototype[Symbol.iterator] = null; String.prototype.slice = null; RegExp.prototype.test = null;",
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = null;",
        "Buffer.allocUnsafe = Buffer.byteLength = null; Buffer.prototype.utf8Write = require('fs').writeSync = null;",
        "Object.defineProperty(Array.prototype, '0', {set() { throw 1; }}); Number.isFinite = () => false;",
        "process.cpuUsage = process.resourceUsage = process.reallyExit = null; Reflect.apply = null;",
        "function parseInt() { throw 1; } function JSON() {} var Buffer = null, process = null, Object = null;",
    ],
)
def test_code_that_replaces_the_runtime_still_gets_its_own_result(run: Run, prelude: str) -> None:
    answer = run(f"{prelude}\nfunction main({{a}}) {{ return {{a, list: [1, 'x']}}; }}", inputs={"a": 1})
    assert answer.outputs == {"a": 1, "list": [1, "x"]}


def test_the_built_in_modules_are_there(run: Run) -> None:
    code = """
    const crypto = require("crypto"), { Worker } = require("node:worker_threads"), zlib = require("zlib");
    async function main() {
      const events = require("events"), url = require("url"), util = require("util");
      const { createHash } = await import("node:crypto");
      const worker = new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", {eval: true});
      const [answer] = await events.once(worker, "message");
      const zipped = await util.promisify(zlib.gzip)("text");
      return {
        answer, hash: createHash("md5").update("a").digest("hex"), random: crypto.randomBytes(4).length,
        text: zlib.gunzipSync(zipped).toString(), host: new url.URL("http://h/p").host,
        buffer: Buffer.from("x").toString("hex"), environment: Object.keys(process.env), argv: process.argv.slice(1),
      };
    }
    """
    assert run(code).outputs == {
        "answer": 42,
        "hash": "0cc175b9c0f1b6a831c399e269772661",
        "random": 4,
        "text": "text",
        "host": "h",
        "buffer": "78",
        "environment": [],
        "argv": ["/main.js"],
    }


def test_a_script_answers_by_what_it_prints(run: Run) -> None:
    answer = run(
        "const value = parseInt('7');\nsetTimeout(() => console.log('later', value), 5);\n"
        "if (require.main === module) console.log('now');",
        mode="script",
    )
    assert answer.outputs == {}
    assert answer.stdout == "now\nlater 7\n"


def test_a_script_hears_of_its_own_end(run: Run) -> None:
    code = "process.on('exit', (code) => console.log('end', code)); console.log('start');"
    assert run(code, mode="script").stdout == "start\nend 0\n"
    assert run(f"{code} process.exit(0);", mode="script").stdout == "start\nend 0\n"
    assert run("process.on('exit', () => { throw new EvalError('x'); })", mode="script").error["type"] == "EvalError"


def test_a_script_may_end_the_process_and_says_how(run: Run) -> None:
    assert run("console.log(1); process.exit(0); console.log(2)", mode="script").stdout == "1\n"
    assert run("process.exit(4)", mode="script").error["type"] == "ExitCode"
    assert run("throw new EvalError('x')", mode="script").error["type"] == "EvalError"


@pytest.mark.parametrize("mode", ["function", "script"])
def test_code_that_closes_what_it_is_wrapped_in_gets_nowhere(run: Run, mode: str) -> None:
    for code in ["}); console.log(1); (() => {", "} console.log(1); {", "*/ console.log(1) /*", "`; console.log(1)"]:
        answer = run(code, mode=mode)
        assert (answer.error["type"], answer.stdout) == ("SyntaxError", "")
    hoisted = "console.log(parseInt('12'));\nfunction parseInt() { return 'mine'; }\nfunction main() { return {}; }"
    assert run(hoisted, mode=mode).stdout == "mine\n"


def test_the_result_is_one_frame_and_the_last(run: Run) -> None:
    answer = run("function main() { process.on('exit', () => console.log('after')); return {a: 1}; }")
    assert [kind for kind, _ in answer.frames] == ["R"]
    assert json.loads(answer.frames[0][1])["outputs"] == {"a": 1}
