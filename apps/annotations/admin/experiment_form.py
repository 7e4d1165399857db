"""The form of a new experiment: what is asked, of which version, judged by what, and what it may spend."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.annotations.admin.ordered_choice import OrderedChoiceField, chosen_first
from apps.annotations.models import Evaluator, Experiment, GoldenSet
from apps.annotations.models.experiment import LONGEST_ITEM_S, MOST_AT_ONCE
from apps.annotations.selectors.experiments import evaluators_of, experiments_of
from apps.annotations.selectors.golden import golden_sets
from apps.annotations.services.experiments import MOST_EVALUATORS, Budget
from apps.workflows.selectors.applications import applications_of
from apps.workflows.selectors.messages import as_uuid

#: Versions that a choice offers of each app and set, newest first.
OFFERED = 10
MOST_APPS = 200
MOST_BASELINES = 50


class ExperimentForm(forms.Form):
    """An experiment of one team."""

    asked = forms.ChoiceField(label=gettext_lazy("Golden set"))
    measured = forms.ChoiceField(label=gettext_lazy("App and version"))
    evaluators = OrderedChoiceField(
        Evaluator.objects.none(),
        label=gettext_lazy("Judged by"),
        help_text=gettext_lazy("Results stand in this order, the figure of the first one also in the list."),
    )
    baseline = forms.ModelChoiceField(
        Experiment.objects.none(),
        label=gettext_lazy("Compare with"),
        required=False,
        help_text=gettext_lazy("An experiment on the same golden set. Evaluators that compare answers need one."),
    )
    name = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=120)
    calls = forms.IntegerField(label=gettext_lazy("Most calls of models"), required=False, min_value=1)
    tokens = forms.IntegerField(label=gettext_lazy("Most tokens"), required=False, min_value=1)
    cost = forms.DecimalField(
        label=gettext_lazy("Highest cost"), required=False, min_value=0, max_digits=12, decimal_places=6
    )
    currency = forms.CharField(label=gettext_lazy("Currency"), initial="USD", max_length=3, min_length=3)
    parallel = forms.IntegerField(label=gettext_lazy("Items at once"), initial=4, min_value=1, max_value=MOST_AT_ONCE)
    item_seconds = forms.IntegerField(
        label=gettext_lazy("Seconds for an item"), initial=120, min_value=1, max_value=LONGEST_ITEM_S
    )

    def __init__(self, *args: Any, team_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._team_id = team_id
        self._choice("asked").choices = _sets(team_id)
        self._choice("measured").choices = _versions(team_id)
        self._choice("evaluators").queryset = evaluators_of([team_id]).order_by(*chosen_first(self._picked(), "name"))
        over = experiments_of([team_id]).exclude(status__in=["queued", "running"])
        newest = list(over.values_list("id", flat=True)[:MOST_BASELINES])
        self._choice("baseline").queryset = over.filter(id__in=newest)
        self._choice("baseline").label_from_instance = _as_baseline
        self._choice("baseline").empty_label = _("Nothing")

    def arguments(self) -> dict[str, Any]:
        """What the service is told."""
        given = self.cleaned_data
        set_id, _at, set_version = given["asked"].partition("@")
        app, _at, version = given["measured"].rpartition("@")
        return {
            "golden_set": golden_sets([self._team_id]).get(id=set_id),
            "set_version": int(set_version),
            "app": app,
            "version": int(version) if version else None,
            "evaluators": given["evaluators"],
            "name": given["name"],
            "baseline": given["baseline"],
            "parallel": given["parallel"],
            "item_seconds": given["item_seconds"],
            "budget": Budget(
                calls=given["calls"], tokens=given["tokens"], cost=given["cost"], currency=given["currency"]
            ),
        }

    def _picked(self) -> list[UUID]:
        """The evaluators that are chosen already, in their order: they stand first."""
        sent: Any = self.data
        values = sent.getlist("evaluators") if self.is_bound else list(self.initial.get("evaluators", ()))
        return [known for each in values[:MOST_EVALUATORS] if (known := as_uuid(each)) is not None]

    def _choice(self, name: str) -> Any:
        return self.fields[name]


def _sets(team_id: UUID) -> list[Any]:
    """Sets with items, each with its newest versions and those that gates go by."""
    groups: list[Any] = []
    for golden_set in golden_sets([team_id]).filter(version__gt=0).prefetch_related("gates"):
        newest = range(golden_set.version, max(0, golden_set.version - OFFERED), -1)
        gates = (gate.set_version for gate in golden_set.gates.all())
        numbers = sorted({*newest, *gates} - {0}, reverse=True)
        groups.append((golden_set.name, [(f"{golden_set.id}@{n}", _set_label(golden_set, n)) for n in numbers]))
    return groups


def _set_label(golden_set: Any, number: int) -> str:
    facts = {"name": golden_set.name, "n": number, "items": f"{golden_set.item_count or 0:,}"}
    if number == golden_set.version:
        return _("%(name)s, newest: version %(n)s (items: %(items)s)") % facts
    return _("%(name)s, version %(n)s") % facts


def _versions(team_id: UUID) -> list[Any]:
    """Apps with their draft, their published version and the newest others."""
    groups: list[Any] = []
    for app in applications_of(team_id)[:MOST_APPS]:
        special = {}
        if app.live is not None:
            special[app.live.number] = _("%(app)s, published: version %(n)s")
        if app.draft is not None:
            special[app.draft.number] = _("%(app)s, draft: version %(n)s")
        if app.live_id is not None and app.live_id == app.draft_id:
            special[app.live.number] = _("%(app)s, published and draft: version %(n)s")  # type: ignore[union-attr]
        newest = app.draft.number if app.draft is not None else max(special, default=0)
        numbers = sorted({*special, *range(newest, max(0, newest - OFFERED), -1)}, reverse=True)
        plain = _("%(app)s, version %(n)s")
        options = [(f"{app.slug}@{n}", special.get(n, plain) % {"app": app.name, "n": n}) for n in numbers]
        groups.append((app.name, options))
    return groups


def _as_baseline(experiment: Any) -> str:
    facts = {
        "name": str(experiment),
        "set": experiment.golden_set.name,
        "n": experiment.set_version,
        "when": f"{experiment.created_at:%Y-%m-%d %H:%M}",
    }
    return _("%(name)s · %(set)s v%(n)s · %(when)s") % facts


def golden_set_of(asked: str, *, team_id: UUID) -> GoldenSet | None:
    """The set that an address names."""
    return golden_sets([team_id]).filter(id=asked).first()
