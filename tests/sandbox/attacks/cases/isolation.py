# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Attacks on what separates runs from each other and from the sidecar: points 41, 42 and 45 to 47."""

import json
from collections.abc import Mapping
from typing import Any

from tests.sandbox.attacks.attack import NAMESPACED, Attack, answers, either, ends, held

FORGED = b"R" + (40).to_bytes(4, "little") + b'{"ok":true,"outputs":{"forged":"by me"}}'
assert len(FORGED) == 45

FRAMES: dict[str, tuple[str, Any]] = {
    "a result before its own": ("FORGED", either(answers(forged="by me"), ends("protocol"))),
    "a result of nothing": ("frame(b'R', b'')", ends("protocol")),
    "a result that is no JSON": ("frame(b'R', b'{\"ok\":')", ends("protocol")),
    "a result that is a list": ("frame(b'R', b'[]')", ends("protocol")),
    "a result that is neither good nor bad": ("frame(b'R', b'{\"ok\":\"yes\"}')", ends("protocol")),
    "a result without outputs": ("frame(b'R', b'{\"ok\":true}')", ends("protocol")),
    "a result with outputs that are no object": ("frame(b'R', b'{\"ok\":true,\"outputs\":[1]}')", ends("protocol")),
    "a result that is not UTF-8": ("frame(b'R', b'{\"ok\":true,\"outputs\":{\"a\":\"' + bytes([255]) + b'\"}}')", ends("protocol")),
    "a result with half a character": ("frame(b'R', b'{\"ok\":true,\"outputs\":{\"a\":\"' + bytes([92]) + b'udc00\"}}')",
                                       either(ends("protocol"), answers(a="\ufffd"))),
    "a result with half a character and no more": ("frame(b'R', b'{\"ok\":true,\"outputs\":{\"' + bytes([92]) + b'udfff\":1}}')); os._exit(0",
                                                   either(ends("protocol"), answers(**{"\ufffd": 1}))),
    "a result with endless digits": ("frame(b'R', b'{\"ok\":true,\"outputs\":{\"a\":' + b'1' * 900000 + b'}}')",
                                     either(ends("protocol"), ends("error", "ResultNotJson"))),
    "a result with NaN": ("frame(b'R', b'{\"ok\":true,\"outputs\":{\"a\":NaN}}')", either(ends("protocol"), ends("error", "ResultNotJson"))),
    "a result with 1e400": ("frame(b'R', b'{\"ok\":true,\"outputs\":{\"a\":1e400}}')", either(ends("protocol"), ends("error", "ResultNotJson"))),
    "a deep result": ("frame(b'R', b'{\"ok\":true,\"outputs\":{\"a\":' + b'[' * 100000 + b']' * 100000 + b'}}')",
                      either(ends("protocol"), ends("error", "ResultNotJson"))),
    "an oversized result": ("b'R' + (1 << 31).to_bytes(4, 'little')", either(ends("protocol"), ends("output_limit"))),
    "the largest result": ("b'R' + bytes([255] * 4)", either(ends("protocol"), ends("output_limit"))),
    "an oversized output": ("b'O' + bytes([255] * 4)", either(ends("protocol"), ends("output_limit"))),
    "an unknown frame": ("frame(b'Z', b'x')", ends("protocol")),
    "ready again": ("frame(b'S', b'')", ends("protocol")),
    "ready with a body": ("frame(b'S', b'x')", ends("protocol")),
    "HTTP": ("b'HTTP/1.1 200 OK' + bytes([13, 10, 13, 10])", ends("protocol")),
    "noise": ("bytes(range(256)) * 8", ends("protocol")),
    "nothing but zeros": ("bytes(64)", ends("protocol")),
    "an error with a wrong shape": ("frame(b'R', b'{\"ok\":false,\"error\":7}')", ends("protocol")),
    "an error of the sidecar's own kind": (
        "frame(b'R', b'{\"ok\":false,\"error\":{\"type\":\"BlockedSystemCall\",\"message\":\"x\",\"system_call\":\"ptrace\"}}')",
        either(ends("error"), ends("protocol"))),
}  # fmt: skip

FRAME_CODE = """
FORGED = {forged!r}
def frame(kind, body):
    return kind + len(body).to_bytes(4, "little") + body
def main(**facts):
    os.write(3, {frame})
    import time
    time.sleep(0.2)
    return {{"own": True}}
"""


def _sane_usage(result: Mapping[str, Any]) -> str:
    """Whatever the child says it used, the answer holds numbers that make sense."""
    usage = result["usage"]
    for name, most in {"wall_ms": 20_000, "cpu_ms": 20_000, "peak_kb": 4 << 20}.items():
        if not isinstance(usage[name], int | float) or not 0 <= usage[name] <= most:
            return f"claims {name}={usage[name]}"
    json.dumps(result, allow_nan=False)
    return "" if result["status"] in ("ok", "protocol") else f"ended with {result['status']}"


CLAIMS = {
    "negative": b'"cpu_ms":-5,"peak_kb":-1',
    "huge": b'"cpu_ms":1e308,"peak_kb":99999999999999999999999',
    "text": b'"cpu_ms":"<b>","peak_kb":[]',
    "infinite": b'"cpu_ms":1e999,"peak_kb":1',
}

CLAIM_CODE = """
def main(**_):
    body = {body!r}
    os.write(3, b"R" + len(body).to_bytes(4, "little") + body)
    os._exit(0)
"""

DESCRIPTORS = """
import stat
def main(**facts):
    found = {}
    for descriptor in range(4096):
        try:
            found[descriptor] = stat.S_IFMT(os.fstat(descriptor).st_mode)
        except OSError:
            pass
    sockets = [number for number, kind in found.items() if kind == stat.S_IFSOCK]
    return {"open": sorted(found), "sockets": sockets}
"""
JS_DESCRIPTORS = """
function main() {
  const fs = require("fs"), kinds = {};
  for (let descriptor = 0; descriptor < 1024; descriptor += 1) {
    try {
      const found = fs.fstatSync(descriptor);
      kinds[descriptor] = found.isSocket() ? "socket" : found.isDirectory() ? "folder" : found.isFile() ? "file" : "other";
    } catch (_) {}
  }
  const of = (kind) => Object.keys(kinds).filter((name) => kinds[name] === kind).map(Number);
  return { sockets: of("socket"), folders: of("folder"), files: of("file") };
}
"""

TAMPERED = """
import builtins, json, sys, gc
def main(**facts):
    frame = sys._getframe()
    while frame:
        for name in list(frame.f_globals):
            if callable(frame.f_globals[name]) and not name.startswith("__"):
                frame.f_globals[name] = lambda *a, **k: None
        frame = frame.f_back
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith(("apps", "json")):
            for name in list(vars(module)):
                try: setattr(module, name, None)
                except Exception: pass
    for name in ["len", "print", "isinstance", "open", "type", "str", "bytes", "dict"]:
        setattr(builtins, name, None)
    return {"x": 1}
"""

IMPORTS = """
import sys, builtins
class Finder:
    def find_spec(self, name, path=None, target=None):
        raise SystemExit("found " + name)
def main(**facts):
    sys.meta_path.insert(0, Finder())
    sys.path_hooks.insert(0, lambda path: Finder())
    sys.path.insert(0, facts["canary_folder"])
    sys.settrace(lambda *a: (_ for _ in ()).throw(SystemExit))
    sys.setprofile(lambda *a: None)
    sys.excepthook = sys.unraisablehook = sys.displayhook = None
    sys.addaudithook(lambda event, arguments: sys.exit(3) if event.startswith("os.") else None)
    builtins.__import__ = None
    return {"x": 1}
"""

POLLUTED = """
function main() {
  for (const prototype of [Object.prototype, Array.prototype, String.prototype, Function.prototype, Promise.prototype, Buffer.prototype])
    for (const name of ["toJSON", "toString", "valueOf", "then", "call", "apply", "write", "ok", "outputs", "error", "length_", "set", "get"])
      try { Object.defineProperty(prototype, name, { value: () => { throw new Error("polluted"); }, writable: true, configurable: true }); } catch (_) {}
  JSON.stringify = JSON.parse = () => '{"ok":true,"outputs":{"forged":1}}';
  Reflect.apply = Object.keys = Array.isArray = Buffer.from = Buffer.concat = Buffer.alloc = () => { throw new Error("polluted"); };
  Object.defineProperty(Object.prototype, "status", { get() { return "forged"; } });
  return { x: 1 };
}
"""

INTERNALS = """
async function main(facts) {
  const fs = () => process.binding("fs");
  trial("binding fs", () => { return fs().open(facts.canary_file, 0, 0o666); });
  trial("binding tcp", () => { const { TCP, TCPConnectWrap, constants } = process.binding("tcp_wrap"); const made = new TCP(constants.SOCKET);
    const status = made.connect(new TCPConnectWrap(), "127.0.0.1", facts.tcp_port); if (status !== 0) throw new Error("status " + status); return status; });
  trial("binding pipe", () => { const { Pipe, PipeConnectWrap, constants } = process.binding("pipe_wrap"); const made = new Pipe(constants.SOCKET);
    const status = made.connect(new PipeConnectWrap(), facts.stream_socket); if (status) throw new Error("status " + status);
    throw new Error("asked only"); });
  trial("dlopen", () => process.dlopen({ exports: {} }, facts.canary_file));
  trial("dlopen of node", () => process.dlopen({ exports: {} }, process.execPath));
  trial("linked", () => process._linkedBinding("canary"));
  trial("main module", () => process.mainModule.require("fs").readFileSync(facts.canary_file));
  trial("Function", () => new Function("return process.mainModule.require('fs').readFileSync('/etc/passwd')")());
  trial("constructor", () => (() => {}).constructor("return this.process.binding('fs')")().readFileUtf8("/etc/passwd", 0));
  trial("vm", () => require("vm").runInNewContext("this.constructor.constructor('return process')().binding('fs')").internalModuleReadJSON("/etc/passwd")[0].x.y);
  await attempt("async constructor", (async () => {}).constructor("return require('fs').readFileSync('/etc/passwd')")());
  trial("indirect eval", () => (0, eval)("process.getBuiltinModule ? process.getBuiltinModule('fs').readFileSync('/etc/passwd') : process.x.y"));
  trial("wasi", () => new (require("wasi").WASI)({ version: "preview1", preopens: { "/": facts.canary_folder } }));
  await attempt("worker", new Promise((done, failed) => {
    const code = "require('worker_threads').parentPort.postMessage(String(require('fs').readFileSync('/etc/passwd')))";
    const worker = new (require("worker_threads").Worker)(code, { eval: true, env: require("worker_threads").SHARE_ENV });
    worker.on("message", done); worker.on("error", failed); }));
  trial("execve", () => process.execve("/bin/sh", ["sh"], {}));
  trial("module path", () => require("module")._load(facts.canary_file));
  trial("module extension", () => require("module")._extensions[".node"]({ exports: {} }, facts.canary_file));
  return outcome();
}
"""

TEMPLATES = {
    "classes": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", either(ends("error", "SecurityError"), answers(output=""))),
    "globals": ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", ends("error")),
    "a namespace": ("{{ lipsum.__globals__['os'].environ }}", ends("error")),
    "attributes": ("{{ ''|attr('__class__')|attr('__mro__') }}", either(ends("error"), answers(output=""))),
    "formats": ("{{ '{0.__class__.__init__.__globals__}'.format(x) }}", ends("error")),
    "files": ("{% include '/etc/passwd' %}", ends("error")),
    "imports": ("{% import 'os' as os %}{{ os }}", ends("error")),
    "a bomb": ("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
               either(ends("timeout"), ends("memory"), ends("error", "OverflowError"), ends("output_limit"))),
    "a big string": ("{{ 'x' * 10000000000 }}", either(ends("memory"), ends("error"))),
    "a marker that ends the prelude": ("'''\n\"\"\"\n{% raw %}{{ x }}{% endraw %}", answers(output="'''\n\"\"\"\n{{ x }}")),
}  # fmt: skip

ATTACKS = [
    Attack(name="python looks for open files", point=41, code=DESCRIPTORS, expect=answers(open=[0, 1, 2, 3], sockets=[3])),
    Attack(name="javascript looks for open files", point=41, language="javascript", code=JS_DESCRIPTORS,
           expect=answers(sockets=[3], folders=[], files=[])),
    Attack(name="python looks at its environment", point=42, expect=answers(environment=[], block=[]), code="""
def main(**_):
    block = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    names = []
    while block and block[len(names)]:
        names.append(block[len(names)].decode())
    return {"environment": sorted(os.environ), "block": sorted(names)}
"""),
    Attack(name="javascript looks at its environment", point=42, language="javascript", expect=answers(names=[]),
           code="function main() { return { names: Object.keys(process.env) }; }"),
    Attack(name="python learns the name of the host", point=42, modes=NAMESPACED, expect=answers(same=False), code="""
import socket
def main(**facts):
    return {"same": facts["host_name"] in (socket.gethostname(), os.uname().nodename)}
"""),
    Attack(name="javascript learns the name of the host", point=42, language="javascript", modes=NAMESPACED, expect=answers(same=False),
           code="function main(facts) { return { same: require('os').hostname() === facts.host_name }; }"),
    Attack(name="python learns its place on the host", point=42, modes=NAMESPACED, expect=answers(parent=0), code="""
def main(**facts):
    return {"parent": os.getppid(), "own": os.getpid()}
"""),
    Attack(name="python looks for its arguments and paths", point=42, expect=answers(told=[]), code="""
import sys, sysconfig, site
def main(**facts):
    places = [*sys.argv, *sys.orig_argv, *sys.path, sys.executable, os.getcwd(), *map(str, sys.modules)]
    return {"told": [place for place in places if "sidecar.sock" in place or facts["canary_folder"] in place]}
"""),
    *(
        Attack(name=f"python forges {name}", point=45, code=FRAME_CODE.format(forged=FORGED, frame=frame), expect=expect)
        for name, (frame, expect) in FRAMES.items()
    ),
    Attack(name="python truncates a result", point=45, expect=ends("protocol"), code="""
def main(**_):
    os.write(3, b"R" + (100).to_bytes(4, "little") + b"{")
    os._exit(0)
"""),
    Attack(name="python truncates a head", point=45, expect=ends("protocol"), code="def main(**_):\n    os.write(3, b'R1')\n    os._exit(0)"),
    Attack(name="python sends a result twice", point=45, expect=either(ends("protocol"), answers(forged="by me")),
           code=f"def main(**_):\n    os.write(3, {FORGED!r} * 2)\n    os._exit(0)"),
    Attack(name="python sends output after its result", point=45, expect=either(ends("protocol"), answers(forged="by me")),
           code=f"def main(**_):\n    os.write(3, {FORGED!r} + b'O' + bytes([5, 0, 0, 0]) + b'later')\n    os._exit(0)"),
    Attack(name="python writes a frame byte by byte", point=45, expect=answers(forged="by me"), code=f"""
import time
def main(**_):
    for byte in {FORGED!r}:
        os.write(3, bytes([byte]))
        time.sleep(0.001)
    time.sleep(1)
"""),
    *(
        Attack(name=f"python claims {name} usage", point=45, expect=_sane_usage,
               code=CLAIM_CODE.format(body=b'{"ok":true,"outputs":{},' + claim + b"}"))
        for name, claim in CLAIMS.items()
    ),
    Attack(name="javascript forges a result", point=45, language="javascript", expect=either(answers(forged="by me"), ends("protocol")), code=f"""
function main() {{
  require("fs").writeSync(3, Buffer.from({FORGED.hex()!r}, "hex"));
  return {{ own: true }};
}}
"""),
    Attack(name="javascript sends noise", point=45, language="javascript", expect=ends("protocol"),
           code="function main() { require('fs').writeSync(3, Buffer.alloc(64)); return new Promise((done) => setTimeout(done, 300)); }"),
    Attack(name="python breaks the runner under it", point=44, code=TAMPERED, bare=True,
           expect=either(answers(), ends("error"), ends("protocol"))),
    Attack(name="python hooks imports, traces and audits", point=44, code=IMPORTS, bare=True,
           expect=either(answers(x=1), ends("error"), ends("protocol"))),
    Attack(name="javascript pollutes every prototype", point=44, language="javascript", code=POLLUTED, bare=True,
           expect=either(answers(x=1), ends("error"), ends("protocol"))),
    Attack(name="javascript reaches for the runtime's insides", point=42, language="javascript", code=INTERNALS, limits={"wall_s": 8.0},
           expect=held("Function", "vm", "worker", "dlopen", "main module", least=12)),
    Attack(name="python closes the prelude", point=47, bare=True, expect=ends("error", "SyntaxError"),
           code="\"\"\"\nimport os\nos._exit(9)\ndef main(**_):\n    return {'x': 1}"),
    Attack(name="python closes every quote", point=47, bare=True, expect=answers(x="\'\'\'\"\"\""),
           code="def main(**_):\n    return {'x': \"\'\'\'\" + '\"\"\"'}"),
    Attack(name="python declares another encoding", point=47, bare=True, code="# -*- coding: utf-7 -*-\ndef main(**_):\n    return {'x': '+AGE-'}",
           expect=answers(x="+AGE-")),
    Attack(name="python holds a NUL", point=47, bare=True, code="def main(**_):\n    return {}\n\0", expect=ends("error", "SyntaxError", "ValueError")),
    Attack(name="python names itself main", point=47, bare=True, code="import os\nif __name__ == '__main__':\n    os._exit(4)\ndef main(**_):\n    return {'x': 1}",
           expect=either(answers(x=1), ends("error", "NoResult"))),
    Attack(name="javascript closes the function around it", point=47, language="javascript", bare=True,
           code="}); process.exit(9); (function () {\nfunction main() { return {}; }", expect=ends("error", "SyntaxError")),
    Attack(name="javascript closes the function and opens another", point=47, language="javascript", bare=True,
           code="return { x: 2 }; } function other() {\nfunction main() { return { x: 1 }; }", expect=ends("error", "SyntaxError")),
    Attack(name="javascript hoists what the prelude uses", point=47, language="javascript", bare=True, expect=answers(x=1), code="""
function parseInt() { throw new Error("hoisted"); }
function require_() {} var JSON, Buffer, process, stringify, apply, answer, run, succeed, writeFrame, Reflect, Promise, Object;
function main() { return { x: 1 }; }
"""),
    Attack(name="javascript ends its text with a comment", point=47, language="javascript", bare=True,
           code="function main() { return { x: 1 }; } //", expect=answers(x=1)),
    Attack(name="javascript leaves a comment open", point=47, language="javascript", bare=True,
           code="function main() { return { x: 1 }; } /*", expect=ends("error", "SyntaxError")),
    Attack(name="javascript leaves a template open", point=47, language="javascript", bare=True,
           code="function main() { return { x: 1 }; } `", expect=ends("error", "SyntaxError")),
    *(
        Attack(name=f"a template reaches for {name}", point=47, profile="template", bare=True, limits={"wall_s": 1.0}, inputs={"x": 1},
               code=code, expect=expect)
        for name, (code, expect) in TEMPLATES.items()
    ),
]  # fmt: skip
