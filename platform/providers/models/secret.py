"""What every table does that keeps a secret for somebody: write it encrypted, read it, and be found for rotation."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from providers import crypto


class HoldsSecret(models.Model):
    """A row with a secret. Tables may declare the two columns again, to name them in their own words."""

    encrypted_secret = models.TextField(blank=True, editable=False)
    secret_set_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    def set_secret(self, secret: str) -> None:
        """Replace the stored secret; an empty one is for services that ask for none."""
        self.encrypted_secret = crypto.encrypt(secret) if secret else ""
        self.secret_set_at = timezone.now() if secret else None

    def read_secret(self) -> str:
        """The secret in the clear, for the moment of a call. Raises crypto.UnreadableSecret."""
        return crypto.decrypt(self.encrypted_secret) if self.encrypted_secret else ""
