"""Dify's shape of the same thing, for clients that exist: whole scripts in, what they printed out."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from apps.sandbox.protocol import (
    DEFAULT_PROFILE,
    JAVASCRIPT_PROFILE,
    TEMPLATE_PROFILE,
    Language,
    Malformed,
    Maxima,
    Mode,
    RunLimits,
    RunRequest,
    RunResult,
    Status,
)
from apps.sandbox.sidecar.errors import BadRequest, RequestRefused
from apps.sandbox.sidecar.http.response import Response, json_response
from apps.sandbox.sidecar.supervisor.service import Sandbox
from apps.sandbox.strict_json import decode

PREFIX: Final = "/v1/sandbox/"
RUN: Final = "/v1/sandbox/run"
DEPENDENCIES: Final = "/v1/sandbox/dependencies"
_LANGUAGES: Final = {"python3": Language.PYTHON, "nodejs": Language.JAVASCRIPT, "javascript": Language.JAVASCRIPT}
_REFUSED: Final = -400
_UNAUTHORIZED: Final = -401
_BUSY: Final = -503


def read_request(body: bytes, maxima: Maxima, *, profile: str) -> RunRequest:
    """Read a request in Dify's shape; raises BadRequest. `enable_network` is not obeyed: there is none here.

    `profile` is where Python scripts run.
    """
    try:
        fields = decode(body)
    except Malformed as problem:
        raise BadRequest(problem.message, path=problem.path) from None
    if not isinstance(fields, dict):
        raise BadRequest("must be an object")
    language = _LANGUAGES.get(str(fields.get("language")))
    if language is None:
        raise BadRequest("unsupported language", path="language")
    code, preload = fields.get("code"), fields.get("preload") or ""
    if not isinstance(code, str) or not isinstance(preload, str):
        raise BadRequest("must be a string", path="code" if not isinstance(code, str) else "preload")
    default = RunLimits()
    return RunRequest(
        code=f"{preload}\n{code}" if preload else code,
        language=language,
        profile=JAVASCRIPT_PROFILE if language is Language.JAVASCRIPT else profile,
        mode=Mode.SCRIPT,
        limits=RunLimits(
            wall_s=min(default.wall_s, maxima.wall_s),
            output_bytes=min(default.output_bytes, maxima.output_bytes),
        ),
    )


def write_result(result: RunResult) -> Response:
    """Write a result in Dify's shape: an error is text, whatever its kind."""
    error = result.stderr
    if result.status is not Status.OK and result.error is not None:
        told = result.error.traceback or f"{result.error.type}: {result.error.message}"
        error = f"{error}\n{told}" if error else told
    return _success({"stdout": result.stdout, "error": error})


def script_profile(sandbox: Sandbox) -> str:
    """Name the profile that Python scripts run in: with Jinja2, which they expect, where it is installed."""
    template = sandbox.lines.get(TEMPLATE_PROFILE)
    return DEFAULT_PROFILE if template is None or template.profile.reason is not None else TEMPLATE_PROFILE


def dependencies(sandbox: Sandbox) -> Response:
    """List what scripts can import beside the standard library."""
    packages = [("jinja2", "Jinja2"), ("markupsafe", "MarkupSafe")]
    if script_profile(sandbox) != TEMPLATE_PROFILE:
        packages = []
    listed = [{"name": name, "version": _version(distribution)} for name, distribution in packages]
    return _success({"dependencies": listed})


def refusal(error: RequestRefused) -> Response:
    """Say no in Dify's shape, with the same HTTP status as everywhere."""
    code, message = _REFUSED, error.message
    if error.code == "unauthorized":
        code, message = _UNAUTHORIZED, "Unauthorized"
    elif error.retry_after is not None:
        code = _BUSY
    body = json_response({"code": code, "message": message, "data": None}, status=error.status).body
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return Response(status=error.status, body=body, headers=headers, closes=error.closes)


def _success(data: dict[str, Any]) -> Response:
    return json_response({"code": 0, "message": "success", "data": data})


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
