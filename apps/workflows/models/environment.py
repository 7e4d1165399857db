"""The values of an app's environment variables, what its documents name and never hold; and secrets they once were."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.models import HoldsSecret
from support.ids import uuid7


class EnvironmentValue(HoldsSecret):
    """One value of one app. A secret one is encrypted and is never read but for a run."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey(
        "workflows.Application", models.CASCADE, related_name="environment", verbose_name=_("app")
    )
    name = models.CharField(_("name"), max_length=64)
    value = models.JSONField(_("value"), null=True, blank=True)
    encrypted_secret = models.TextField(_("value, encrypted"), blank=True, editable=False)
    secret_set_at = models.DateTimeField(_("secret set"), null=True, editable=False)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("environment value")
        verbose_name_plural = _("environment values")
        constraints = [models.UniqueConstraint(fields=["application", "name"], name="one_environment_value_per_name")]

    def __str__(self) -> str:
        return self.name


class ReplacedSecret(HoldsSecret):
    """A secret that an app had: no run gets it again, but what earlier runs wrote may hold it, and is covered up.

    It goes with the app, as the app's runs do.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey(
        "workflows.Application", models.CASCADE, related_name="replaced_secrets", verbose_name=_("app")
    )
    name = models.CharField(_("name"), max_length=64)
    replaced_at = models.DateTimeField(_("replaced"), auto_now_add=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("replaced secret")
        verbose_name_plural = _("replaced secrets")

    def __str__(self) -> str:
        return self.name
