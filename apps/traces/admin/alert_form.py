"""The form of an alert: addresses one per line, an app of its team, a webhook that can be reached."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from apps.traces.models import Alert
from apps.workflows.selectors.applications import applications_of

MOST_ADDRESSES = 20


class AddressesField(forms.CharField):
    """E-mail addresses, edited one per line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3}), required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """The lines as a list, each a valid address, without repeats."""
        text = super().clean(value) or ""
        found = list(dict.fromkeys(part for part in text.replace(",", "\n").split() if part))
        for address in found:
            validate_email(address)
        if len(found) > MOST_ADDRESSES:
            raise ValidationError(_("At most %(n)s addresses."), params={"n": MOST_ADDRESSES})
        return found


class AlertForm(forms.ModelForm):  # type: ignore[type-arg]
    """An alert of one team; the admin says of which."""

    team_id: ClassVar[UUID | None] = None

    app = forms.ChoiceField(label=_("app"), required=False, help_text=_("All apps of the team, or one of them."))
    emails = AddressesField(label=_("e-mail to"), help_text=_("One address per line."))
    webhook_url = forms.CharField(
        label=_("webhook"),
        required=False,
        max_length=1000,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text=_(
            "Gets a signed POST with JSON; its field text is what Slack and Mattermost show. "
            "It must be reachable from the network of this installation."
        ),
    )

    class Meta:
        model = Alert
        fields = (
            *("name", "is_enabled", "measure", "direction", "threshold", "window_minutes", "least_runs"),
            *("every_minutes", "no_data", "emails", "webhook_url", "remind_minutes", "tells_recovery"),
        )
        help_texts = {
            "measure": _("Runs of experiments are no traffic, and not counted."),
            "threshold": _("In the unit of the figure: %, s, US dollars or a number. The threshold itself is fine."),
            "no_data": _("What becomes of the alert while too few runs arrive to tell the figure."),
            "window_minutes": _(
                "Where runs are sampled, windows under an hour are estimated from those that are kept; "
                "an hour or more is exact."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        apps = list(applications_of(self.team_id)) if self.team_id else []
        self._names = {str(app.id): app.name for app in apps}
        stored = self.instance.application_id
        if stored is not None and str(stored) not in self._names:
            self._names[str(stored)] = self.instance.application_name  # it was deleted; the alert still names it
        if self.instance.threshold is not None and "threshold" in self.fields:
            self.initial["threshold"] = f"{self.instance.threshold.normalize():f}"
        field: Any = self.fields.get("app")
        if field is not None:
            field.choices = [("", _("All apps")), *sorted(self._names.items(), key=lambda each: each[1].casefold())]
            field.initial = str(stored) if stored else ""

    def clean_webhook_url(self) -> str:
        """An address of HTTP with a host and without a password in it."""
        address: str = self.cleaned_data["webhook_url"].strip()
        if not address:
            return ""
        try:
            parts = urlsplit(address)
            broken = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
        except ValueError:
            broken = True
        if broken:
            raise ValidationError(_("Enter an address that begins with https:// or http://."))
        if parts.username or parts.password:
            raise ValidationError(
                _("Leave the password out of the address: it would be shown to all who see the alert.")
            )
        return address

    def clean(self) -> dict[str, Any]:
        """An alert that tells nobody is only worth having on the dashboard; percentages end at 100."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        measure, threshold = cleaned.get("measure"), cleaned.get("threshold")
        if measure in (Alert.Measure.ERROR_RATE, Alert.Measure.DISLIKE_RATE) and threshold and threshold > 100:
            self.add_error("threshold", _("A share is at most 100 %%.") % ())
        return cleaned

    def save(self, commit: bool = True) -> Any:
        """Keep the app by id and name."""
        chosen = self.cleaned_data.get("app") or ""
        self.instance.application_id = UUID(chosen) if chosen else None
        self.instance.application_name = self._names.get(chosen, "")
        return super().save(commit)
