"""One run of Python code in this process: from the request's JSON to the JSON of its answer."""

from __future__ import annotations

import json
import mmap
import resource
import sys
import time
import types
from collections.abc import Callable
from typing import Any

from apps.sandbox.sidecar.zygote import results, template_child, user_errors
from apps.sandbox.sidecar.zygote.results import ResultError
from apps.sandbox.sidecar.zygote.template_child import TemplateFailed

# Taken before user code can replace them.
_loads, _cpu_ns, _usage = json.loads, time.process_time_ns, resource.getrusage

_RESERVE_BYTES = 2 << 20


class RequestError(Exception):
    """The supervisor sent no request that makes sense."""


def answer(request: bytes) -> bytes:
    """Run what the request asks for; the answer always is a JSON object with `ok`, `cpu_ms` and `peak_kb`."""
    reserve = mmap.mmap(-1, _RESERVE_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # never touched: no memory yet
    started = _cpu_ns()
    try:
        body = b'{"ok":true,"outputs":' + _outputs(request)
    except ResultError as error:
        body = _failed({"type": error.kind, "message": str(error), "traceback": None})
    except TemplateFailed as error:
        body = _failed({"type": error.kind, "message": str(error), "traceback": None})
    except BaseException as error:  # noqa: BLE001 - user code may raise anything, SystemExit and its like too
        reserve.close()  # so that a run out of memory can still be told
        body = _failed(user_errors.describe(error))
    cpu_ms = (_cpu_ns() - started) // 1_000_000
    return body + b',"cpu_ms":%d,"peak_kb":%d}' % (cpu_ms, _usage(resource.RUSAGE_SELF).ru_maxrss)


def _failed(error: dict[str, Any]) -> bytes:
    return b'{"ok":false,"error":' + results.plain_json(error)


def _outputs(request: bytes) -> bytes:
    asked = _loads(request)
    del request
    code, inputs = asked["code"], asked.get("inputs") or {}
    run = _MODES.get(asked.get("mode", "function"))
    if run is None or not isinstance(code, str) or not isinstance(inputs, dict):
        raise RequestError("the request asks for something that this process does not do")
    return results.to_json(run(code, inputs))


def _function(code: str, inputs: dict[str, Any]) -> object:
    module = _execute(code, name="main")
    main = module.__dict__.get("main")
    if not callable(main):
        raise ResultError("MissingMain", "the code has to define a function main() that takes the inputs by name")
    value = main(**inputs)
    return _await(value) if hasattr(value, "__await__") else value


def _script(code: str, inputs: dict[str, Any]) -> object:
    try:
        _execute(code, name="__main__")
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
    return {}


def _template(code: str, inputs: dict[str, Any]) -> object:
    return {"output": template_child.render(code, inputs)}


_MODES: dict[str, Callable[[str, dict[str, Any]], object]] = {
    "function": _function,
    "script": _script,
    "template": _template,
}


def _execute(code: str, *, name: str) -> types.ModuleType:
    user_errors.remember_source(code)
    module = types.ModuleType(name)
    module.__dict__["__file__"] = user_errors.FILE
    # dataclasses, typing and pickle look for the module of what they are given by its name.
    sys.modules["__main__"] = sys.modules[name] = module
    exec(compile(code, user_errors.FILE, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - this is what the whole sandbox is for
    return module


def _await(value: Any) -> object:
    import asyncio

    async def finish() -> object:
        return await value

    return asyncio.run(finish())
