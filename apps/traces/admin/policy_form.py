"""The form of a trace policy: an app of the team or all, kinds of personal data, rules one per line."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.traces.masking.own import LONGEST, Own
from apps.traces.models import TracePolicy
from apps.workflows.selectors.applications import applications_of
from support.patterns import BadPattern

MOST_RULES = 20
#: Why a pattern is refused; what its syntax lacks is told in the words of the library.
_WHY = {
    "spaced": _("patterns with white space and comments (x) are not taken"),
    "unrolled": _("its repetitions are too large together"),
    "nested": _("it is nested too deeply"),
    "long": _("it is longer than %(n)s characters"),
    "empty": _("it matches where nothing is"),
    "slow": _("it takes too long on some texts"),
}


class RulesField(forms.CharField):
    """Rules, edited one per line as `name: pattern`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}), required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The rules as lines."""
        return "\n".join(f"{rule['name']}: {rule['pattern']}" for rule in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[dict[str, str]]:
        """The lines as rules, each tried out."""
        rules = []
        for line in (super().clean(value) or "").splitlines():
            name, colon, pattern = (part.strip() for part in line.partition(":"))
            if not name and not pattern:
                continue
            if not colon or not name or not pattern or len(name) > 40:
                raise ValidationError(_("Write each rule as name: pattern."))
            try:
                Own.read(name, pattern)
            except BadPattern as exc:
                why = _WHY[exc.code] % {"n": LONGEST} if exc.code else str(exc)
                raise ValidationError(_("%(name)s: %(why)s"), params={"name": name, "why": why}) from exc
            rules.append({"name": name, "pattern": pattern})
        if len(rules) > MOST_RULES:
            raise ValidationError(_("At most %(n)s rules."), params={"n": MOST_RULES})
        return rules


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A policy of one team; the admin says of which."""

    team_id: ClassVar[UUID | None] = None

    app = forms.ChoiceField(
        label=_("app"), required=False, help_text=_("All apps of the team, or one of them that wants something else.")
    )
    personal = forms.MultipleChoiceField(
        label=_("take out"),
        required=False,
        choices=TracePolicy.Personal.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Keys, tokens and passwords are taken out always. An app takes out what its team does, and more."),
    )
    own_rules = RulesField(
        label=_("rules of your own"),
        help_text=_("One per line, as name: pattern. What the pattern matches is replaced; a group named keep stays."),
    )

    class Meta:
        model = TracePolicy
        fields = ("sample_percent", "retention_days", "personal", "own_rules")
        labels = {"sample_percent": _("keep, in percent"), "retention_days": _("keep for, in days")}
        help_texts = {
            "sample_percent": _(
                "Of the runs that succeed; all others and those that somebody reviewed are kept. All are counted. "
                "Empty: as for all apps, or all of them."
            ),
            "retention_days": _(
                "What somebody reviewed is kept longer. Empty: as for all apps, or as this installation keeps traces."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {str(app.id): app.name for app in applications_of(self.team_id)} if self.team_id else {}
        if self.instance.application_id:
            known.setdefault(str(self.instance.application_id), self.instance.application_name)
        self._names = known
        field = self.fields["app"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("All apps")), *sorted(known.items(), key=lambda each: each[1].casefold())]
        field.initial = str(self.instance.application_id or "")

    def clean(self) -> dict[str, Any]:
        """One policy for each app, and one for all."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = cleaned.get("app") or ""
        self.instance.application_id = UUID(chosen) if chosen else None
        self.instance.application_name = self._names.get(chosen, "")
        team_id: Any = self.instance.team_id or self.team_id
        others = TracePolicy.objects.filter(team_id=team_id, application_id=self.instance.application_id)
        if others.exclude(id=self.instance.id).exists():
            self.add_error("app", _("There is a policy for this already; change that one."))
        return cleaned
