"""The Celery scheduler, without the product's models: it only needs the schedule, so it stays small."""

import argparse

from celery.apps.beat import Beat

from console.celery import app


class LeanBeat(Beat):  # type: ignore[misc]  # celery ships no types
    """Beat that imports no task modules; the schedule names its tasks."""

    def init_loader(self) -> None:
        """Load the configuration only."""
        self.app.finalize(auto=False)


def main() -> None:
    """Schedule until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--schedule", required=True, help="file that remembers when each task ran last")
    options = parser.parse_args()
    app.conf.result_backend = "disabled"  # only the worker keeps results, and it does so in Django's tables
    LeanBeat(app=app, schedule=options.schedule, loglevel="WARNING", quiet=True).run()


if __name__ == "__main__":
    main()
