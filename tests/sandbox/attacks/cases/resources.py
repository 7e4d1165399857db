# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Attacks on memory, time and output: points 36 to 38."""

from collections.abc import Mapping
from typing import Any

from tests.sandbox.attacks.attack import Attack, answers, either, ends

SHORT = {"wall_s": 0.15}
Result = Mapping[str, Any]


def _flooded(result: Result) -> str:
    """Stopped at the limit of output, and what came before it was kept."""
    size = len(result["stdout"].encode()) + len(result["stderr"].encode())
    if result["status"] != "output_limit":
        return f"ended with {result['status']} {result['error']}"
    return "" if 1 <= size <= 20_000 else f"kept {size} bytes"


MEMORY = [
    Attack(name="python asks for 10 GB", point=36, code="def main(**_):\n    return {'n': len(bytearray(10 << 30))}", bare=True,
           expect=ends("memory")),
    Attack(
        name="python takes memory bit by bit",
        point=36,
        bare=True,
        limits={"memory_mb": 96},
        code="def main(**_):\n    kept = []\n    while True:\n        kept.append(bytearray(1 << 20))",
        expect=ends("memory"),
    ),
    Attack(
        name="python takes more memory than its limit in small pieces",
        point=36,
        bare=True,
        limits={"memory_mb": 96},
        code="def main(**_):\n    kept = {}\n    while True:\n        kept[len(kept)] = (len(kept), str(len(kept)))",
        expect=ends("memory"),
    ),
    Attack(
        name="python goes on after it was refused memory",
        point=36,
        limits={"memory_mb": 96},
        code="""
import mmap
def main(**_):
    kept = []
    for size in [64 << 20, 1 << 20, 64 << 10]:
        try:
            while True:
                kept.append(mmap.mmap(-1, size))
        except (OSError, MemoryError, ValueError):
            pass
    held = sum(map(len, kept))
    kept.clear()
    return {"bounded": held < 200 << 20, "some": held > 8 << 20}
""",
        expect=answers(bounded=True, some=True),
    ),
    Attack(
        name="python takes memory around its allocator",
        point=36,
        limits={"memory_mb": 96},
        code="""
def main(**_):
    libc.malloc.restype = ctypes.c_void_p
    held = 0
    while held < 400:
        place = libc.malloc(ctypes.c_size_t(1 << 20))
        if not place:
            break
        ctypes.memset(place, 1, 1 << 20)
        held += 1
    return {"bounded": held < 200}
""",
        expect=either(answers(bounded=True), ends("memory")),
    ),
    Attack(name="python repeats a string without end", point=36, code="def main(**_):\n    x = 'x'\n    while True:\n        x += x", bare=True,
           limits={"memory_mb": 128}, expect=ends("memory")),
    Attack(name="javascript fills its heap", point=36, language="javascript", limits={"memory_mb": 96, "wall_s": 20.0},
           code="function main() { const kept = []; while (true) kept.push(new Array(1000).fill(kept.length)); }",
           expect=ends("memory")),
    Attack(name="javascript fills its heap with text", point=36, language="javascript", limits={"memory_mb": 96, "wall_s": 20.0},
           code="function main() { const kept = []; while (true) kept.push('x'.repeat(1e6) + kept.length); }",
           expect=either(ends("memory"), ends("error", "RangeError"))),
    Attack(name="javascript fills buffers", point=36, language="javascript", limits={"memory_mb": 96, "wall_s": 20.0},
           code="function main() { const kept = []; while (true) kept.push(Buffer.alloc(1 << 22, 1)); }",
           expect=ends("memory")),
    Attack(
        name="javascript grows the memory of a module",
        point=36,
        language="javascript",
        limits={"memory_mb": 96, "wall_s": 20.0},
        code="""
function main() {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  let pages = 1;
  try {
    while (pages < 16384) { memory.grow(256); new Uint8Array(memory.buffer).fill(1, pages * 65536); pages += 256; }
  } catch (problem) { return { bounded: pages * 65536 < 400 * 2 ** 20 }; }
  return { bounded: false };
}
""",
        expect=either(answers(bounded=True), ends("memory")),
    ),
    Attack(name="javascript reserves a buffer of 10 GB", point=36, language="javascript", limits={"memory_mb": 96},
           code="function main() { return { n: new ArrayBuffer(10 * 2 ** 30).byteLength }; }",
           expect=either(ends("memory"), ends("error", "RangeError"))),
    Attack(name="javascript fills memory in a worker", point=36, language="javascript", limits={"memory_mb": 96, "wall_s": 20.0},
           code="""
function main() {
  const worker = new (require("worker_threads").Worker)("const kept = []; while (true) kept.push(new Array(1000).fill(1));",
    { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8192 } });
  return new Promise((_, failed) => worker.on("error", failed));
}
""",
           expect=either(ends("memory"), ends("error", "ERR_WORKER_OUT_OF_MEMORY", "Error"))),
]  # fmt: skip

LOOPS = {
    "loops": "while True:\n        pass",
    "loops and catches everything": "while True:\n        try:\n            while True: pass\n        except BaseException:\n            pass",
    "computes a number of many digits": "return {'n': 9 ** 9 ** 9}",
    "writes a number of many digits": "return {'n': len(str(1 << (1 << 33)))}",
    "backtracks in a pattern": "import re\n    re.match('(a+)+$', 'a' * 60 + 'b')",
    "sleeps": "import time\n    time.sleep(30)",
    "waits for a lock": "import threading\n    lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "waits in asyncio": "import asyncio\n    asyncio.run(asyncio.sleep(30))",
    "sorts for ever": "sorted(iter(int, 1))",
    "waits for input": "import os\n    os.read(3, 1)",
}
JS_LOOPS = {
    "loops": "while (true);",
    "loops and catches everything": "while (true) { try { throw 1; } catch (_) {} }",
    "backtracks in a pattern": "/^(a+)+$/.test('a'.repeat(60) + 'b');",
    "waits for a timer": "return new Promise((done) => setTimeout(done, 60000));",
    "waits on shared memory": "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
    "loops in microtasks": "const again = () => Promise.resolve().then(again); return again();",
    "loops in a module": "new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array("
    "[0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,97,0,0,10,9,1,7,0,3,64,12,0,11,11]))).exports.a();",
    "computes a number of many digits": "return { n: String(7n ** (7n ** 9n)).length };",
}
TIME = [
    *(
        Attack(name=f"python {name}", point=37, code=f"def main(**_):\n    {code}", limits=SHORT, bare=True,
               expect=either(ends("timeout", "WallTimeLimit"), ends("memory")))
        for name, code in LOOPS.items()
    ),
    *(
        Attack(name=f"javascript {name}", point=37, language="javascript", limits=SHORT, bare=True,
               code=f"function main() {{ {code} }}",
               expect=either(ends("timeout", "WallTimeLimit"), ends("error", "RangeError")))
        for name, code in JS_LOOPS.items()
    ),
    Attack(name="python burns processor time", point=37, limits={"cpu_s": 1, "wall_s": 6.0}, bare=True,
           code="import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\ndef main(**_):\n    while True:\n        pass",
           expect=ends("timeout", "CpuTimeLimit")),
]  # fmt: skip

LITTLE = {"output_bytes": 10_000}
FLOODS = [
    Attack(name="python prints without end", point=38, bare=True, limits=LITTLE, expect=_flooded,
           code="def main(**_):\n    while True:\n        print('x' * 1000)"),
    Attack(name="python complains without end", point=38, bare=True, limits=LITTLE, expect=_flooded,
           code="import sys\ndef main(**_):\n    while True:\n        sys.stderr.write('x' * 1000)"),
    Attack(name="python prints one endless line", point=38, bare=True, limits=LITTLE, expect=_flooded,
           code="def main(**_):\n    print('x' * (32 << 20))"),
    Attack(name="python floods the stream itself", point=38, limits=LITTLE, expect=_flooded, code="""
def main(**_):
    frame = b"O" + (4096).to_bytes(4, "little") + b"x" * 4096
    while True:
        os.write(3, frame)
"""),
    Attack(name="python prints from many threads", point=38, bare=True, limits=LITTLE, expect=_flooded, code="""
import threading
def spray():
    while True:
        print("x" * 100)
def main(**_):
    for _ in range(4):
        threading.Thread(target=spray, daemon=True).start()
    spray()
"""),
    Attack(name="python fills the pipe of its last words", point=38, expect=answers(full=True), code="""
def main(**_):
    written = 0
    try:
        while written < 1 << 22:
            written += os.write(2, b"FATAL ERROR: " * 1000)
    except BlockingIOError:
        return {"full": written <= 1 << 17}
    return {"full": False}
"""),
    Attack(name="python writes empty frames without end", point=38, limits={"wall_s": 0.5}, code="""
def main(**_):
    frame = (b"O" + bytes(4)) * 1000
    while True:
        os.write(3, frame)
""", expect=either(ends("output_limit"), ends("protocol"), ends("timeout"))),
    Attack(name="javascript logs without end", point=38, language="javascript", limits=LITTLE, expect=_flooded,
           code="function main() { while (true) console.log('x'.repeat(1000)); }"),
    Attack(name="javascript complains without end", point=38, language="javascript", limits=LITTLE, expect=_flooded,
           code="function main() { while (true) process.stderr.write('x'.repeat(1000)); }"),
    Attack(name="javascript floods the stream itself", point=38, language="javascript", limits=LITTLE, expect=_flooded, code="""
function main() {
  const frame = Buffer.alloc(5 + 4096, "x");
  frame.write("O"); frame.writeUInt32LE(4096, 1);
  while (true) { try { require("fs").writeSync(3, frame); } catch (_) {} }
}
"""),
]  # fmt: skip

ATTACKS = [*MEMORY, *TIME, *FLOODS]
