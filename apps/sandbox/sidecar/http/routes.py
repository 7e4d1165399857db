"""Which path does what, who may ask, and what errors look like."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable
from typing import Final

from apps.sandbox.protocol import Malformed, parse_request
from apps.sandbox.sidecar.errors import BadRequest, MethodNotAllowed, NotFound, RequestRefused, Unauthorized
from apps.sandbox.sidecar.http import dify
from apps.sandbox.sidecar.http.parser import Head
from apps.sandbox.sidecar.http.response import Response, json_response, refusal
from apps.sandbox.sidecar.supervisor.report import report, state
from apps.sandbox.sidecar.supervisor.service import Sandbox

HEALTH: Final = "/health"
RUN: Final = "/v1/run"
RUNS: Final = "/v1/runs/"


class Routes:
    """The HTTP face of a sandbox."""

    def __init__(self, sandbox: Sandbox, *, key: str | None) -> None:
        self._sandbox = sandbox
        self._key_digest = None if key is None else _digest(key)
        self._by_path: dict[str, dict[str, Callable[[bytes], Awaitable[Response]]]] = {
            RUN: {"POST": self._run},
            dify.RUN: {"POST": self._dify_run},
            dify.DEPENDENCIES: {"GET": self._dify_dependencies},
        }

    def admit(self, head: Head, *, peer_uid: int | None) -> None:
        """Refuse strangers before their body is read. Health answers everybody, but tells them little.

        It takes no body from them either: what they send would be kept until it is whole.
        """
        if (head.path != HEALTH or head.length) and not self._is_known(head, peer_uid):
            raise Unauthorized("the key is missing or wrong")

    async def answer(self, head: Head, body: bytes, *, peer_uid: int | None) -> Response:
        """Answer one request of somebody admitted."""
        if head.path == HEALTH:
            _check_method(head, ("GET", "HEAD"))
            if not self._is_known(head, peer_uid):
                return json_response({"status": state(self._sandbox)})
            return json_response(await report(self._sandbox))
        if head.path.startswith(RUNS) and head.path != RUNS:
            _check_method(head, ("DELETE",))
            return self._kill(head.path.removeprefix(RUNS))
        methods = self._by_path.get(head.path)
        if methods is None:
            raise NotFound("there is nothing at this path")
        _check_method(head, tuple(methods))
        return await methods[head.method](body)

    def refuse(self, head: Head | None, error: RequestRefused) -> Response:
        """Shape an error: Dify's clients get theirs."""
        if head is not None and head.path.startswith(dify.PREFIX):
            return dify.refusal(error)
        return refusal(error)

    def _is_known(self, head: Head, peer_uid: int | None) -> bool:
        """With a key, whoever has it; without one, on a unix socket, the sidecar's own user and root."""
        if self._key_digest is None:
            return peer_uid is not None and peer_uid in (0, os.geteuid())
        given = head.headers.get("x-api-key")
        if given is None:
            scheme, _, given = head.headers.get("authorization", "").partition(" ")
            given = given.strip() if scheme.lower() == "bearer" else ""
        return hmac.compare_digest(_digest(given), self._key_digest)

    async def _run(self, body: bytes) -> Response:
        try:
            request = parse_request(body, self._sandbox.config.maxima)
        except Malformed as problem:
            raise BadRequest(problem.message, path=problem.path) from None
        result = await self._sandbox.run(request)
        return Response(body=result.to_json())

    def _kill(self, run_id: str) -> Response:
        if not self._sandbox.kill(run_id):
            raise NotFound("no run with this id is going on")
        return Response(status=204)

    async def _dify_run(self, body: bytes) -> Response:
        profile = dify.script_profile(self._sandbox)
        request = dify.read_request(body, self._sandbox.config.maxima, profile=profile)
        return dify.write_result(await self._sandbox.run(request))

    async def _dify_dependencies(self, body: bytes) -> Response:
        return dify.dependencies(self._sandbox)


def _digest(key: str) -> bytes:
    """Equal lengths: comparing tells nothing about the key, not even how long it is."""
    return hashlib.sha256(key.encode("latin-1", "replace")).digest()


def _check_method(head: Head, methods: tuple[str, ...]) -> None:
    if head.method not in methods:
        raise MethodNotAllowed(f"this path answers {', '.join(methods)}")
