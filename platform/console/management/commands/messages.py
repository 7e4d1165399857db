"""`manage.py messages`: collect the strings of the sources into the catalogues and compile them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from console import catalogues


class Command(BaseCommand):
    help = "Collect every translatable string into platform/console/locale and compile the catalogues."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        if missing := catalogues.missing_tools():
            raise CommandError(f"GNU gettext is needed ({', '.join(missing)}); on Debian: apt-get install gettext")
        for language in catalogues.LANGUAGES:
            catalogues.update(language)
            catalogues.compile_catalogue(language)
            self.stdout.write(f"{catalogues.po_path(language).relative_to(catalogues.ROOT)} is up to date")
