"""Registers the console: management commands and template tags of the project itself."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "console"
    label = "console"
