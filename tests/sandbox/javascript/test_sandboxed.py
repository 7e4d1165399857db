"""JavaScript in the whole sandbox, over HTTP, in every mode: what works inside, and how each run can end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.sidecar_process import Sidecar

HELLO = "function main({name}) { console.log('for', name); return {hello: name}; }"


def run(sidecar: Sidecar, code: str, **fields: Any) -> dict[str, Any]:
    return sidecar.run_when_up(code, language="javascript", **fields)


def the_next_run_works(sidecar: Sidecar) -> None:
    result = run(sidecar, HELLO, inputs={"name": "next"})
    assert (result["status"], result["outputs"]) == ("ok", {"hello": "next"}), result


def test_a_function_gets_its_inputs_and_gives_its_outputs(sidecar: Sidecar) -> None:
    result = run(sidecar, HELLO, inputs={"name": "wörld"})
    assert (result["status"], result["outputs"], result["stdout"]) == ("ok", {"hello": "wörld"}, "for wörld\n")
    assert result["usage"]["wall_ms"] > 0
    assert result["usage"]["peak_kb"] > 10_000


def test_threads_timers_compression_hashes_and_dates_work_inside(sidecar: Sidecar) -> None:
    code = """
    const { Worker } = require("worker_threads");
    const { promisify } = require("util");
    async function main() {
      const workers = [1, 2, 3, 4].map((n) => new Promise((done, failed) => {
        const worker = new Worker(`require("worker_threads").parentPort.postMessage(${n} * 10)`, {eval: true});
        worker.on("message", done).on("error", failed);
      }));
      const key = await promisify(require("crypto").scrypt)("secret", "salt", 8);
      const zipped = await promisify(require("zlib").gzip)("zipped");
      await require("timers/promises").setTimeout(5);
      const day = new Intl.DateTimeFormat("de", {timeZone: "Europe/Berlin", dateStyle: "full"}).format(0);
      const module = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
      return {
        workers: await Promise.all(workers), key: key.length, day, wasm: String(new WebAssembly.Instance(module)),
        text: require("zlib").gunzipSync(zipped).toString(), path: (await import("node:path")).sep,
      };
    }
    """
    result = run(sidecar, code)
    assert result["status"] == "ok", result
    assert result["outputs"] == {
        "workers": [10, 20, 30, 40],
        "key": 8,
        "day": "Donnerstag, 1. Januar 1970",
        "wasm": "[object WebAssembly.Instance]",
        "text": "zipped",
        "path": "/",
    }


FILL = "function main() { const all = []; for (;;) all.push(%s); }"
WORKER_BOMB = """
const { Worker } = require("worker_threads");
const main = () => new Promise((done, failed) => {
  new Worker("const all = []; for (;;) all.push(new Array(9999).fill(0.5))", {eval: true}).on("error", failed);
});
"""
#: Whether V8 or the code's own exception gets to say it depends on who asks for the last page.
MEMORY = ("memory", "HeapLimit|MemoryError")
WALL = ("timeout", "WallTimeLimit")
PROTOCOL = ("protocol", "ProtocolViolation")
ENDINGS = {
    "an exception": ("function main() {\n  null.x;\n}", {}, "error", "TypeError"),
    "a syntax error": ("function main( {", {}, "error", "SyntaxError"),
    "no main": ("let x;", {}, "error", "MissingMain"),
    "not a number": ("const main = () => ({a: 0 / 0});", {}, "error", "ResultNotJson"),
    "process.exit": ("function main() { process.exit(0); }", {}, "error", "NoResult"),
    "reallyExit": ("function main() { process.reallyExit(3); }", {}, "error", "NoResult"),
    "abort": ("function main() { process.abort(); }", {}, "killed", "Crashed"),
    "an endless loop": ("function main() { for (;;); }", {"wall_s": 0.5}, *WALL),
    "waiting": ("const main = () => new Promise((f) => setTimeout(f, 1e6));", {"wall_s": 0.3}, *WALL),
    "processor time": ("function main() { for (;;); }", {"wall_s": 20, "cpu_s": 1}, "timeout", "CpuTimeLimit"),
    "a full heap": (FILL % "new Array(9999).fill(0.5)", {"wall_s": 30}, *MEMORY),
    "a small heap": (FILL % "new Array(9999).fill(0.5)", {"wall_s": 30, "memory_mb": 64}, *MEMORY),
    "a heap of one array": (FILL % "1", {"wall_s": 30}, *MEMORY),
    "buffers": (FILL % "Buffer.alloc(1e7, 1)", {"wall_s": 30}, *MEMORY),
    "one huge buffer": ("const main = () => ({a: new ArrayBuffer(4e9).byteLength});", {}, *MEMORY),
    "wasm memory": (FILL % "new WebAssembly.Memory({initial: 999, maximum: 999})", {"wall_s": 30}, *MEMORY),
    "a worker's heap": (WORKER_BOMB, {"wall_s": 30}, *MEMORY),
    "a flood": ("function main() { for (;;) console.log('x'.repeat(999)); }", {}, "output_limit", "OutputLimit"),
    "a huge result": ("const main = () => ({a: 'x'.repeat(2e6)});", {}, "output_limit", "ResultLimit"),
    "a forged frame": ("function main() { require('fs').writeSync(3, 'X....'); for (;;); }", {}, *PROTOCOL),
    "a closed stream": ("function main() { require('fs').closeSync(3); for (;;); }", {}, *PROTOCOL),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_way_to_end_has_its_status_and_the_next_run_works(sidecar: Sidecar, ending: str) -> None:
    code, limits, status, kind = ENDINGS[ending]
    result = run(sidecar, code, limits=limits)
    assert result["status"] == status, result
    assert result["error"]["type"] in kind.split("|"), result
    assert result["outputs"] is None
    the_next_run_works(sidecar)


WAYS_OUT = {
    "a shell": "require('child_process').execSync('id')",
    "a program": "await once(require('child_process').spawn('/usr/bin/env'), 'exit')",
    "another node": "await once(require('child_process').fork('/main.js'), 'exit')",
    "a thread's program": "await once(new Worker('require(`child_process`).execSync(`id`)', {eval: true}), 'exit')",
    "a connection": "await once(require('net').connect(80, '127.0.0.1'), 'connect')",
    "a unix socket": "await once(require('net').connect('\\0a'), 'connect')",
    "a server": "await once(require('net').createServer().listen(0), 'listening')",
    "a datagram": "await once(require('dgram').createSocket('udp4').bind(0), 'listening')",
    "a name": "await require('dns').promises.lookup('example.com')",
    "a fetch": "await fetch('http://169.254.169.254/')",
    "the users": "require('fs').readFileSync('/etc/passwd', 'utf8')",
    "the machine's files": "require('fs').readdirSync('/')",
    "the processes": "require('fs').readFileSync('/proc/self/environ')",
    "a new file": "require('fs').writeFileSync('/tmp/x', '')",
    "the runner's file": "require('fs').writeFileSync(require.cache[Object.keys(require.cache)[0]].filename, '')",
    "a signal": "process.kill(process.ppid || 1, 0)",
    "a signal to all": "process.kill(-1, 0)",
    "a user": "process.setuid(0)",
    "a library": "process.dlopen({exports: {}}, '/lib/x86_64-linux-gnu/libc.so.6')",
    "a folder": "process.chdir('/usr')",
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_way_out_is_open(sidecar: Sidecar, way: str) -> None:
    code = (
        "const { once } = require('events'), { Worker } = require('worker_threads');"
        f"async function main() {{ try {{ return {{reached: String({WAYS_OUT[way]})}}; }}"
        "catch (error) { return {refused: error.code || error.message}; } }"
    )
    result = run(sidecar, code)
    assert result["status"] == "ok", result
    assert list(result["outputs"]) == ["refused"], result


def test_the_process_knows_nothing_of_the_machine(sidecar: Sidecar) -> None:
    code = (
        "function main() { return {env: process.env, cwd: process.cwd(), argv: process.argv.slice(1), "
        "fds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20].filter((fd) => {"
        " try { return require('fs').fstatSync(fd).isSocket() || fd < 3; } catch { return false; } })}; }"
    )
    outputs = run(sidecar, code)["outputs"]
    assert outputs == {"env": {}, "cwd": "/", "argv": ["/main.js"], "fds": [0, 1, 2, 3]}


def test_what_one_run_changes_is_gone_in_the_next(sidecar: Sidecar) -> None:
    spoil = "globalThis.left = 1; JSON.stringify = null; Object.prototype.left = 2; function main() { return {}; }"
    for _ in range(6):
        assert run(sidecar, spoil)["outputs"] == {}
    outputs = run(sidecar, "function main() { return {left: typeof left, random: Math.random()}; }")["outputs"]
    assert outputs["left"] == "undefined"


def test_a_script_in_the_older_shape_answers_by_what_it_prints(sidecar: Sidecar) -> None:
    def ask(code: str) -> dict[str, Any]:
        body = {"language": "nodejs", "code": code, "preload": "", "enable_network": False}
        answer = sidecar.ask("POST", "/v1/sandbox/run", body=json.dumps(body).encode())
        assert answer.code == 200, answer
        data: dict[str, Any] = answer.body["data"]
        return data

    assert ask("console.log(parseInt('12'));")["stdout"] == "12\n"
    hoisted = (
        "function parseInt() { return require('child_process').execSync('id').toString(); }\nconsole.log(parseInt())"
    )
    failed = ask(f"{hoisted}\nconsole.log(parseInt())")
    assert failed["stdout"] == ""
    assert "EPERM" in failed["error"]
    assert "uid=" not in json.dumps(failed)
