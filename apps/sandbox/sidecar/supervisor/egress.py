"""The way out of the profile `net`: one proxy process for all its zygotes, each with a listener of its own."""

from __future__ import annotations

from typing import Any

from apps.sandbox.sidecar.config import Config
from apps.sandbox.sidecar.egress.process import EgressFailed, EgressProcess
from apps.sandbox.sidecar.egress.settings import EgressSettings
from apps.sandbox.sidecar.errors import StartRefused
from apps.sandbox.sidecar.supervisor.zygotes import Zygote, ZygoteFailed


class Egress:
    """Nothing at all unless the operator has turned the network on."""

    def __init__(self, config: Config) -> None:
        settings = EgressSettings(allow=config.egress_allow, deny=config.egress_deny)
        try:
            settings.policy()
        except ValueError as error:
            raise StartRefused(f"a rule for the network cannot be read: {error}") from error
        self._process = EgressProcess(settings) if config.net else None
        self._failure: str | None = "the network is off" if self._process is None else None

    async def start(self) -> None:
        """Start the proxy. Should it fail, the profile says so when it is brought up; the others serve."""
        if self._process is not None:
            try:
                await self._process.start()
            except (EgressFailed, OSError) as error:
                self._failure = str(error)

    async def announce(self, zygote: Zygote, generation: int) -> None:
        """Let the proxy accept for a zygote that was staged with a listener, for as long as the zygote lives."""
        listener, zygote.listener = zygote.listener, None
        if listener is None:
            return
        process = self._process
        if process is None or self._failure is not None:
            listener.close()
            zygote.kill_all()
            raise ZygoteFailed(self._failure or "the network is off")
        process.listen(listener, generation=generation)
        zygote.exited.add_done_callback(lambda _: process.forget(generation=generation))

    async def as_json(self) -> dict[str, Any] | None:
        """Give what `/health` shows; None when the network is off."""
        if self._process is None:
            return None
        return {"failure": self._failure} if self._failure else await self._process.stats()

    async def close(self) -> None:
        """End the proxy."""
        if self._process is not None:
            await self._process.close()
