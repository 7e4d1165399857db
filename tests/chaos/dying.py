"""A process that executes runs and kills itself, with signal 9, right after a given event; told by lines on stdin.

Each line is `APP_ID NUMBER`; the answer is `RUN_ID died` or `RUN_ID ended`. Every run gets a process of its own, forked
from one that has loaded everything.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import django


def main() -> None:
    """Serve lines until there are no more."""
    django.setup()
    from apps.workflows.services import execute_run  # noqa: F401 - loaded once, for all children

    for line in sys.stdin:
        app_id, number = line.split()
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.close(read)
            execute(app_id, int(number), write)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as told:
            run_id = told.readline().strip()
        _, status = os.waitpid(child, 0)
        print(run_id, "died" if os.WIFSIGNALED(status) else "ended", flush=True)


def execute(app_id: str, number: int, told: int) -> None:
    """Accept and run; die after event `number`."""
    from apps.workflows.engine.events import Event
    from apps.workflows.models import Application
    from apps.workflows.selectors.applications import live_version
    from apps.workflows.services import accept_workflow, run_to_end
    from apps.workflows.services.execute_run import settle

    application = Application.objects.get(id=app_id)
    accepted = accept_workflow(
        application=application, version=live_version(application), inputs={}, source="api", end_user="ada"
    )
    os.write(told, f"{accepted.run.id}\n".encode())

    def on_event(seq: int, _event: Event) -> None:
        if seq == number:
            os.kill(os.getpid(), signal.SIGKILL)

    async def whole() -> None:
        await run_to_end(accepted, on_event=on_event)
        await settle()

    asyncio.run(whole())


if __name__ == "__main__":
    main()
