"""Where a dataset that is kept elsewhere is asked: the external knowledge API of another program."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.models import HoldsSecret
from support.ids import uuid7


class ExternalKnowledge(HoldsSecret):
    """The address, the name that the dataset has there, and the key (encrypted)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    dataset = models.OneToOneField("datasets.Dataset", models.CASCADE, related_name="external")
    endpoint = models.CharField(_("address"), max_length=1_000)
    knowledge_id = models.CharField(_("knowledge id"), max_length=300)
    timeout = models.PositiveIntegerField(_("seconds to wait"), default=10)
    encrypted_secret = models.TextField(_("key, encrypted"), blank=True, editable=False)
    secret_set_at = models.DateTimeField(_("key set"), null=True, editable=False)

    class Meta:
        verbose_name = _("external knowledge")
        verbose_name_plural = _("external knowledge")

    def __str__(self) -> str:
        return f"{self.endpoint} {self.knowledge_id}"
