# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Code of runs that come one after the other, or stand side by side."""

KEEPER = "def main(secret):\n    kept = [secret + str(n) for n in range(2000)]\n    print(secret)\n    return {'n': len(kept)}"
TALKER = "import os\ndef main(secret):\n    return {'written': os.write(2, (secret + '\\n').encode() * 500) > 0}"
FLAGS = """
import fcntl, os
def main():
    found = [fcntl.fcntl(number, fcntl.F_GETFL) for number in (0, 1, 2)]
    for number in (0, 1, 2):
        fcntl.fcntl(number, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK ^ found[number])
    return {"flags": found}
"""
JS_KEEPER = "function main({secret}) { const kept = []; for (let n = 0; n < 2000; n += 1) kept.push(secret + n); console.log(secret); return { n: kept.length }; }"

#: Put into the attack with signals: every process id there may be.
EVERYBODY = """
    for number in range(1, 3000):
        for call in (os.kill, lambda pid, sent: system_call(234, pid, pid, sent), lambda pid, sent: system_call(424, pid, sent, 0, 0)):
            try:
                if number != os.getpid():
                    call(number, 9)
                    reached[str(number)] = True
            except OSError:
                pass
"""

SPOILER = """
import json, builtins, sys, os, math, asyncio
def main(**_):
    json.loads = json.dumps = lambda *a, **k: {"text": "spoiled"}
    builtins.len = builtins.str = lambda *a: 0
    math.pi = 3
    os.urandom = lambda n: b"0" * n
    sys.modules["random"] = None
    sys.path.clear()
    builtins.spoiled = True
    os.environ["SPOILED"] = "1"
    os.chdir("/")
    return {"ok": True}
"""

PROBE = """
import builtins, math, random, os, json
def main(**_):
    return {"spoiled": hasattr(builtins, "spoiled"), "pi": math.pi > 3.1, "environment": len(os.environ), "json": json.loads("[1]")}
"""

JAVASCRIPT_SPOILER = """
function main() {
  globalThis.spoiled = true; Object.prototype.spoiled = 1; JSON.parse = () => ({ text: "spoiled" }); Math.PI_ = 3;
  process.env.SPOILED = "1"; require("fs").readFileSync = null; Array.prototype.map = null;
  return {};
}
"""

JAVASCRIPT_PROBE = """
function main() {
  return { spoiled: "spoiled" in globalThis || "spoiled" in {}, map: [1].map((n) => n + 1), names: Object.keys(process.env),
    read: typeof require("fs").readFileSync, parsed: JSON.parse("[1]") };
}
"""

PYTHON_CHANCE = """
import random, uuid, os, secrets, tempfile
def main(**_):
    return {"chance": [random.random(), str(uuid.uuid4()), os.urandom(8).hex(), secrets.token_hex(8), random.Random().random(),
                       next(tempfile._get_candidate_names())]}
"""

JAVASCRIPT_CHANCE = """
function main() {
  const crypto = require("crypto");
  return { chance: [Math.random(), crypto.randomUUID(), crypto.randomBytes(8).toString("hex"), crypto.getRandomValues(new Uint32Array(1))[0]] };
}
"""

NUMPY_CHANCE = """
import numpy
def main(**_):
    return {"chance": [float(numpy.random.rand()), float(numpy.random.default_rng().random()), int(numpy.random.randint(1 << 60))]}
"""
