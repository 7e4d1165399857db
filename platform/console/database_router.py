"""Sends the traces app to its own database alias."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Model


class TracesRouter:
    """`traces` models live behind the `traces` alias, everything else behind `default`."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return "traces" if model._meta.app_label == "traces" else "default"

    db_for_write = db_for_read

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
        return None if (one._meta.app_label == "traces") == (other._meta.app_label == "traces") else False

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Traces migrate on their alias only, and the rest on `default` only.

        When both names are one database, everything migrates through `default`: its migration table is shared.
        """
        if settings.TRACES_SHARE_DATABASE:
            return db == "default"
        return db == ("traces" if app_label == "traces" else "default")
