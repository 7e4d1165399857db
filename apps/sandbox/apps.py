"""Registers the sandbox app: the client side of the sandbox, and what operators see of it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SandboxConfig(AppConfig):
    name = "apps.sandbox"
    label = "sandbox"
    verbose_name = _("Sandbox")
