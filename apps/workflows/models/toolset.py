"""A service that a team's apps may use as tools: the operations of an OpenAPI document, and how to get in."""

from __future__ import annotations

from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.models import HoldsSecret
from support.ids import uuid7


class Toolset(HoldsSecret):
    """One imported OpenAPI document. `operations` is what was understood of it (see services/toolsets.py)."""

    class Auth(models.TextChoices):
        NONE = "none", _("None")
        BEARER = "bearer", _("Bearer token")
        BASIC = "basic", _("User and password")
        HEADER = "header", _("Header")
        QUERY = "query", _("Query parameter")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    name = models.CharField(
        _("name"),
        max_length=60,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]*$", _("Small letters, digits, dash and underscore."))],
        help_text=_("The middle of a tool's full name, as in openapi/weather/forecast."),
    )
    title = models.CharField(_("title"), max_length=200, blank=True)
    description = models.TextField(_("description"), blank=True)
    base_url = models.CharField(_("address"), max_length=500, validators=[URLValidator(schemes=["http", "https"])])
    operations = models.JSONField(_("operations"), default=list, editable=False)
    auth = models.CharField(_("authentication"), max_length=20, choices=Auth.choices, default=Auth.NONE)
    auth_name = models.CharField(
        _("name of header or parameter"), max_length=100, blank=True, help_text=_("For a header or a query parameter.")
    )
    encrypted_secret = models.TextField(_("secret, encrypted"), blank=True, editable=False)
    secret_set_at = models.DateTimeField(_("secret set"), null=True, editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering = ["team", "name"]
        verbose_name = _("toolset")
        verbose_name_plural = _("toolsets")
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_toolset_per_name")]

    def __str__(self) -> str:
        return self.name
