"""Registers the console: management commands and template tags of the project itself."""

from importlib import import_module

from django.apps import AppConfig, apps
from django.contrib import admin
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "console"
    label = "console"

    def ready(self) -> None:
        """Make Celery's app the default one of every thread, so that whoever enqueues a task reaches our broker."""
        import_module("console.celery").app.set_default()
        apps.get_app_config("django_celery_results").verbose_name = _("Background jobs")
        # The admin's modules of installed apps are loaded by now: this app stands behind them.
        import_module("console.jobs_admin").register(admin.site)
