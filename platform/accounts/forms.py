"""The form that makes an API key, for the pages of whatever a key opens."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import create_api_key, scopes_of, usual_scopes_of

_EXPIRIES = [
    ("", _("Never")),
    ("30", _("In 30 days")),
    ("90", _("In 90 days")),
    ("365", _("In a year")),
]
_SCOPE_WORDS = {
    "chat": _("Ask and run"),
    "runs": _("Follow and stop runs"),
    "conversations": _("Read conversations"),
    "feedback": _("Give feedback"),
    "annotations": _("Manage reviewed answers"),
    "datasets:read": _("Search and read"),
    "datasets:write": _("Add, change and delete"),
    "traces:write": _("Send traces"),
    "traces:read": _("Read traces"),
    "experiments": _("Run experiments"),
    "publish": _("Publish versions"),
}


class KeyForm(forms.Form):
    """A name, how long it lives, what it may do. A subclass says what kind of thing its keys open."""

    subject_kind: ClassVar[str]

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Who or what will use it."))
    expires = forms.ChoiceField(label=_("Expires"), choices=_EXPIRIES, required=False)
    scopes = forms.MultipleChoiceField(label=_("May use"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = scopes_of(self.subject_kind)
        choices = self.fields["scopes"]
        assert isinstance(choices, forms.MultipleChoiceField)
        choices.choices = [(scope, _SCOPE_WORDS.get(scope, scope)) for scope in known]
        choices.initial = list(usual_scopes_of(self.subject_kind))

    def make_key(self, *, team_id: UUID, subject_id: UUID, by: User) -> str:
        """The secret of a new key as the valid form describes it; it exists nowhere else after this."""
        given = self.cleaned_data
        _key, secret = create_api_key(
            team_id=team_id,
            subject_kind=self.subject_kind,
            subject_id=subject_id,
            scopes=given["scopes"],
            expires_in=dt.timedelta(days=int(given["expires"])) if given["expires"] else None,
            name=given["name"],
            by=by,
        )
        return secret
