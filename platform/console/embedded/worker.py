"""The Celery worker: as Celery runs it, but its pool processes cannot outlive it, and root is not scolded."""

import signal
import sys
import warnings
from typing import Any

from celery.__main__ import main
from celery.platforms import SecurityWarning
from celery.signals import worker_process_init

from console.embedded.kernel import die_with_parent


def end_with_the_worker(**_kwargs: Any) -> None:
    """Each pool process asks the kernel to be killed when the worker that forked it dies."""
    die_with_parent(signal.SIGKILL)


if __name__ == "__main__":
    worker_process_init.connect(end_with_the_worker, weak=False)
    # Whoever starts `up` as root knows; tasks run no code of users.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    sys.exit(main())
