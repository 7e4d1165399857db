"""The web process: Daphne on uvloop, which must be in place before Twisted chooses its loop."""

import asyncio
import contextlib

with contextlib.suppress(ImportError):
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

if __name__ == "__main__":
    from daphne.cli import CommandLineInterface

    CommandLineInterface.entrypoint()
