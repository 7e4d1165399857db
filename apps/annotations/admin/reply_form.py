"""The form of annotation reply: whether, how near, and which model places questions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.annotations.models import ReplySetting
from apps.annotations.selectors.reply import state_of

_CHOICES = {"on": True, "off": False, "": None}


class ReplyForm(forms.Form):
    """The settings of one app; what is left empty is as its document says."""

    switch = forms.ChoiceField(label=gettext_lazy("Answer from annotations"), required=False)
    threshold = forms.FloatField(
        label=gettext_lazy("Similarity needed"),
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "0.01", "inputmode": "decimal"}),
    )
    wanted_model = forms.ChoiceField(
        label=gettext_lazy("Embedding model"),
        required=False,
        help_text=gettext_lazy(
            "Says how alike two questions are. With another model every question is embedded anew, in the background:"
            " until that is done, answers are found with the model of before."
        ),
    )

    def __init__(self, *args: Any, setting: ReplySetting | None, features: Any, models: list[str], **more: Any) -> None:
        said = state_of(None, features)
        names = {value: name for name, value in _CHOICES.items()}
        more["initial"] = {
            "switch": names[setting.is_enabled if setting else None],
            "threshold": setting.threshold if setting else None,
            "wanted_model": setting.wanted_model if setting else "",
        }
        super().__init__(*args, **more)
        word = _("on") if said.is_enabled else _("off")
        choice: Any = self.fields["switch"]
        choice.choices = [
            ("", _("As the document says: %(word)s") % {"word": word}),
            ("on", _("On")),
            ("off", _("Off")),
        ]
        threshold: Any = self.fields["threshold"]
        threshold.widget.attrs["placeholder"] = f"{said.threshold:g}"
        threshold.help_text = _(
            "From 0 to 1. Left empty it is %(n)s, as the document says. The same question always matches."
        ) % {"n": f"{said.threshold:g}"}
        listed = dict.fromkeys([*models, *filter(None, [setting.wanted_model if setting else ""])])
        model: Any = self.fields["wanted_model"]
        model.choices = [
            ("", _("As the document says: %(model)s") % {"model": said.wanted_model}),
            *((name, name) for name in listed),
        ]

    def values(self) -> dict[str, Any]:
        """As the service wants them."""
        return {
            "is_enabled": _CHOICES[self.cleaned_data["switch"]],
            "threshold": self.cleaned_data["threshold"],
            "model": self.cleaned_data["wanted_model"],
        }
