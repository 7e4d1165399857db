"""`rotate_encryption_keys`: encrypt every stored provider key under the newest of ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.services import rotate_encryption_keys


class Command(BaseCommand):
    help = gettext_lazy("Encrypt every stored provider key under the newest of ENCRYPTION_KEYS.")  # type: ignore[assignment]

    def handle(self, *args: Any, **options: Any) -> None:
        moved, unreadable = rotate_encryption_keys()
        self.stdout.write(_("%(count)d keys are now under the newest encryption key.") % {"count": moved})
        if unreadable:
            raise CommandError(
                _("%(count)d keys could not be read with any of ENCRYPTION_KEYS and were left as they are.")
                % {"count": unreadable}
            )
