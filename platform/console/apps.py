"""Registers the console: management commands and template tags of the project itself."""

from importlib import import_module

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "console"
    label = "console"

    def ready(self) -> None:
        """Make Celery's app the default one of every thread, so that whoever enqueues a task reaches our broker."""
        import_module("console.celery").app.set_default()
