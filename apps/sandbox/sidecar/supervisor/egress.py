"""Ties the zygotes of the profile net to the egress proxy, which is started with the first of them."""

from __future__ import annotations

from typing import Any

from apps.sandbox.sidecar.config import Config
from apps.sandbox.sidecar.egress.process import EgressFailed, EgressProcess
from apps.sandbox.sidecar.egress.settings import Caps, EgressSettings
from apps.sandbox.sidecar.errors import StartRefused
from apps.sandbox.sidecar.supervisor.profiles import NET_FILES
from apps.sandbox.sidecar.supervisor.zygotes import Zygote, ZygoteFailed


class Egress:
    """The proxy's process, if this sandbox has one."""

    def __init__(self, config: Config) -> None:
        settings = EgressSettings(
            allow=config.egress_allow,
            deny=config.egress_deny,
            ports=config.egress_ports,
            # Room for all that the runs at a time can open, so that none can take the others' share.
            caps=Caps(connections=config.concurrency * NET_FILES),
        )
        try:
            settings.policy()
        except ValueError as error:
            raise StartRefused(f"--net-allow or --net-deny: {error}") from None
        self._settings = settings
        self._process: EgressProcess | None = None

    async def announce(self, zygote: Zygote, generation: int) -> None:
        """Give a new zygote's listener to the proxy; a zygote without one needs no proxy."""
        listener, zygote.listener = zygote.listener, None
        if listener is None:
            return
        if self._process is None:
            process = EgressProcess(self._settings)
            try:
                await process.start()
            except EgressFailed as error:
                listener.close()
                zygote.kill_all()
                raise ZygoteFailed(str(error)) from error
            self._process = process
        proxy = self._process
        proxy.listen(listener, generation=generation)
        zygote.exited.add_done_callback(lambda _: proxy.forget(generation=generation))

    async def stats(self) -> dict[str, Any] | None:
        """Give the proxy's figures; None if there is no proxy."""
        return None if self._process is None else await self._process.stats()

    async def close(self) -> None:
        """End the proxy."""
        if self._process is not None:
            await self._process.close()
