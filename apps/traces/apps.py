"""Registers the traces app, and with it the recorder that watches every run."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TracesConfig(AppConfig):
    name = "apps.traces"
    label = "traces"
    verbose_name = _("Traces")

    def ready(self) -> None:
        from apps.traces.recorder.observer import observe
        from apps.workflows.hooks import register_observer

        register_observer(observe)
