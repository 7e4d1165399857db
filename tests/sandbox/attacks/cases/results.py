# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Attacks by what a run returns and by how it ends: points 39 and 40."""

from collections.abc import Mapping
from typing import Any

from tests.sandbox.attacks.attack import Attack, answers, either, ends, held

Result = Mapping[str, Any]


def _replaced(result: Result) -> str:
    """No lone surrogate and no NUL came through, anywhere."""
    if result["status"] != "ok":
        return f"ended with {result['status']} {result['error']}"
    text = repr([result["outputs"], result["stdout"], result["stderr"]])
    found = [
        hex(ord(character))
        for character in _characters(result)
        if character == "\0" or "\ud800" <= character <= "\udfff"
    ]
    if found:
        return f"let through {found[:5]}"
    return "" if "\ufffd" in text else "replaced nothing"


def _characters(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(_characters(key) + _characters(item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(map(_characters, value))
    return value if isinstance(value, str) else ""


NOT_JSON = {
    "NaN": "{'a': {'b': [1, float('nan')]}}",
    "infinity": "{'a': {'b': [1, 1e400]}}",
    "bytes": "{'a': {'b': [1, b'x']}}",
    "an object": "{'a': {'b': [1, object()]}}",
    "a set": "{'a': {'b': [1, {1}]}}",
    "a circle": "{'a': {'b': [1, circle]}}",
    "deep nesting": "{'a': {'b': [1, deep(65)]}}",
    "very deep nesting": "{'a': {'b': [1, deep(100_000)]}}",
    "a key that is no text": "{'a': {'b': [1, {(1, 2): 3}]}}",
}
JS_NOT_JSON = {
    "NaN": "NaN", "infinity": "1e400", "a bigint": "1n", "a circle": "circle", "deep nesting": "deep(65)", "a symbol": "Symbol('x')",
    "very deep nesting": "deep(100000)", "a map": "new Map()", "a function": "() => 1",
}  # fmt: skip
DEEP = """
circle = []
circle.append(circle)
def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value
"""
JS_DEEP = """
const circle = []; circle.push(circle);
function deep(levels) { let value = []; while (levels-- > 0) value = [value]; return value; }
"""
RESULTS = [
    *(
        Attack(name=f"python returns {name}", point=39, bare=True, code=f"{DEEP}\ndef main(**_):\n    return {value}",
               expect=ends("error", "ResultNotJson", mention="levels" if "nesting" in name else "b[1]"))
        for name, value in NOT_JSON.items()
    ),
    *(
        Attack(name=f"javascript returns {name}", point=39, language="javascript", bare=True,
               code=f"{JS_DEEP}\nfunction main() {{ return {{ a: {{ b: [1, {value}] }} }}; }}",
               expect=ends("error", "ResultNotJson", mention="b[1]"))
        for name, value in JS_NOT_JSON.items()
    ),
    Attack(name="python returns a bomb", point=39, bare=True, limits={"result_bytes": 10_000}, code="def main(**_):\n    return {'a': 'x' * 10_000}",
           expect=ends("output_limit")),
    Attack(name="python returns a bomb that shares its parts", point=39, bare=True, limits={"memory_mb": 128, "wall_s": 0.6}, code="""
def main(**_):
    value = ["x"] * 10
    for _ in range(12):
        value = [value] * 10
    return {"a": value}
""", expect=either(ends("memory"), ends("output_limit"), ends("timeout"))),
    Attack(name="javascript returns a bomb", point=39, language="javascript", limits={"result_bytes": 10_000},
           code="function main() { return { a: 'x'.repeat(10000) }; }", expect=ends("output_limit")),
    Attack(name="javascript returns a bomb that shares its parts", point=39, language="javascript", limits={"memory_mb": 128, "wall_s": 0.6}, code="""
function main() {
  let value = new Array(10).fill("x");
  for (let level = 0; level < 12; level += 1) value = new Array(10).fill(value);
  return { a: value };
}
""", expect=either(ends("memory"), ends("output_limit"), ends("timeout"), ends("error", "RangeError"))),
    *(
        Attack(name=f"python returns {which} surrogates and NUL", point=39, inputs={"half": half}, bare=True, expect=_replaced, code="""
import sys
def main(half, **_):
    nothing = chr(0)
    print("out " + half + nothing)
    sys.stderr.write("err " + half + nothing)
    return {"a" + half: [half + "x", nothing, {nothing: half}]}
""")
        for which, half in {"high": "\ud800", "low": "\udc00"}.items()
    ),
    Attack(name="python raises surrogates and NUL", point=39, bare=True,
           code="def main(**_):\n    raise ValueError(chr(0xDC00) + chr(0) + 'end')",
           expect=ends("error", "ValueError", mention="\ufffd\ufffdend")),
    *(
        Attack(name=f"javascript returns {which} surrogates and NUL", point=39, inputs={"half": half}, language="javascript", expect=_replaced, code="""
function main({ half }) {
  const nothing = "\\0";
  console.log("out " + half + nothing);
  console.error("err " + half + nothing);
  return { ["a" + half]: [half + "x", nothing, { [nothing]: half }] };
}
""")
        for which, half in {"high": "\ud800", "low": "\udc00"}.items()
    ),
    Attack(name="python returns a huge number", point=39, bare=True, code="def main(**_):\n    return {'n': 10 ** 5000}",
           expect=ends("error", "ResultNotJson")),
    Attack(name="python returns a number that the database takes", point=39, bare=True, code="def main(**_):\n    return {'n': 10 ** 300}",
           expect=answers(n=10**300)),
    Attack(name="python returns a liar", point=39, bare=True, expect=either(ends("error"), answers()), code="""
class Liar(dict):
    def items(self):
        raise SystemExit(3)
    def __iter__(self):
        raise KeyboardInterrupt
    def __len__(self):
        return -1
def main(**_):
    return Liar(a=1)
"""),
    Attack(name="javascript returns a proxy that lies", point=39, language="javascript", expect=either(ends("error"), answers()), code="""
function main() {
  return new Proxy({}, { ownKeys: () => { throw new Proxy({}, { get() { throw 1; } }); }, get: () => { throw 2; } });
}
"""),
]  # fmt: skip

ENDS = {
    "os._exit": ("import os\n    os._exit(0)", ends("error", "NoResult")),
    "os._exit with a status": ("import os\n    os._exit(7)", ends("error", "NoResult")),
    "sys.exit": ("import sys\n    sys.exit(0)", ends("error")),
    "abort": ("import os\n    os.abort()", ends("killed", "Crashed")),
    "a read of nothing": ("import ctypes\n    ctypes.string_at(0)", ends("killed", "Crashed")),
    "a write to code": ("import ctypes\n    ctypes.memset(id(int) & 0 | 16, 0, 8)", ends("killed", "Crashed")),
    # The first process of a namespace is spared signals that it sends itself.
    "an own signal": (
        "import signal\n    signal.raise_signal(signal.SIGSEGV)",
        either(ends("killed", "Crashed"), ends("error", "ResultType")),
    ),
    "an own SIGKILL": (
        "import signal\n    signal.raise_signal(signal.SIGKILL)",
        either(ends("killed"), ends("error", "ResultType")),
    ),
    "recursion": ("return main()", ends("error", "RecursionError")),
    "recursion in C": (
        "import sys\n    sys.setrecursionlimit(10**9)\n    x = []\n    for _ in range(10**5): x = [x]\n    repr(x)",
        either(ends("killed", "Crashed"), ends("memory"), ends("error", "RecursionError")),
    ),
    "a broken object": (
        "import ctypes\n    ctypes.memset(id({}), 255, 64)\n    return {}",
        either(ends("killed"), answers()),
    ),
    "nothing": ("pass", ends("error", "ResultType")),
    "a closed stream": ("import os\n    os.close(3)\n    return {}", ends("error", "NoResult")),
    "an exit hook": ("import atexit, os\n    atexit.register(os._exit, 9)\n    return {'x': 1}", answers(x=1)),
}
JS_ENDS = {
    "process.exit": ("process.exit(0);", ends("error", "NoResult")),
    "process.reallyExit": ("process.reallyExit(0);", ends("error", "NoResult")),
    "process.abort": ("process.abort();", ends("killed", "Crashed")),
    "recursion": ("return main();", ends("error", "RangeError")),
    "a promise for ever": ("return new Promise(() => {});", ends("error", "NoResult")),
    "a late exception": (
        "setTimeout(() => { throw new Error('late'); }, 1); return new Promise((done) => setTimeout(done, 300));",
        ends("error", "Error"),
    ),
    "a rejected promise": (
        "Promise.reject(new TypeError('x')); return new Promise((d) => setTimeout(d, 300));",
        ends("error", "TypeError"),
    ),
    "a thrown proxy": ("throw new Proxy({}, { get() { throw 1; } });", ends("error")),
    "a thrown null": ("throw null;", ends("error")),
    "nothing": ("", ends("error", "ResultType")),
    "a closed stream": ("require('fs').closeSync(3); return {};", ends("error", "NoResult")),
    "a crash of its own": (
        "process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6');",
        either(ends("error"), ends("killed")),
    ),
    "a misused binding": (
        "process.binding('spawn_sync').spawn({ file: '/bin/sh', args: ['sh'], stdio: [] });",
        either(ends("killed", "Crashed"), ends("error")),
    ),
    "flags of the engine": (
        "require('v8').setFlagsFromString('--allow-natives-syntax'); new Function('%SystemBreak()')();",
        either(ends("killed"), ends("error")),
    ),
}
ENDINGS = [
    *(
        Attack(name=f"python ends by {name}", point=40, bare=True, code=f"def main(**_):\n    {code}", expect=expect)
        for name, (code, expect) in ENDS.items()
    ),
    *(
        Attack(name=f"javascript ends by {name}", point=40, language="javascript", bare=True, code=f"function main() {{ {code} }}", expect=expect)
        for name, (code, expect) in JS_ENDS.items()
    ),
    Attack(name="python has no main", point=40, bare=True, code="x = 1", expect=ends("error", "MissingMain")),
    Attack(name="python is no python", point=40, bare=True, code="def main(:\n", expect=ends("error", "SyntaxError")),
    Attack(name="javascript has no main", point=40, language="javascript", bare=True, code="const x = 1;", expect=ends("error", "MissingMain")),
    Attack(name="javascript is no javascript", point=40, language="javascript", bare=True, code="function main( {", expect=ends("error", "SyntaxError")),
    Attack(name="python starts the compiler's bombs", point=40, bare=True, code="def main(**_):\n    eval('(' * 5000)\n",
           expect=either(ends("error"), ends("memory"), ends("killed", "Crashed"))),
    Attack(name="python nests code without end", point=40, bare=True, code="x = " + "[" * 3000 + "]" * 3000 + "\ndef main(**_):\n    return {}\n",
           expect=either(ends("error"), ends("memory"), ends("killed", "Crashed"))),
    Attack(name="python closes its console", point=40, expect=held(least=0), code="""
import sys
def main(**_):
    sys.stdout.close(); sys.stderr.close(); sys.stdout = None
    return outcome()
"""),
]  # fmt: skip

ATTACKS = [*RESULTS, *ENDINGS]
