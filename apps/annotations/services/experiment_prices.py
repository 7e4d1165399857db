"""Whether a budget in money can bind an experiment: the price of every model that it may call is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.annotations.models import Evaluator
from apps.workflows.adapters.models import DEFAULT
from apps.workflows.services.published import called_by, published_workflows
from model_runtime.errors import ModelError
from providers.prices import price_book
from providers.services import open_chat
from support.errors import ConsoleError, InvalidInput

Kind = Evaluator.Kind
_JUDGES = (Kind.JUDGE, Kind.PAIRWISE)
#: Built in, without a provider: nothing is spent.
_FREE_EMBEDDERS = frozenset({"hashing", "local"})


class UnpricedModel(InvalidInput):
    """A budget in money says nothing of calls whose price nobody knows."""

    code = "unpriced_model"


def require_prices(version: Any, specs: Sequence[Mapping[str, Any]], *, team_id: UUID, currency: str) -> None:
    """See that all models of an app's version, and of what judges it, have a price. Raises UnpricedModel."""
    wanted = sorted({*models_of_app(version, team_id=team_id), *_models_of_judges(specs)})
    missing = [name for name in wanted if not _has_price(name, team_id=team_id, currency=currency)]
    # What embedding costs is in no budget.
    missing += sorted(
        {
            spec["config"]["model"]
            for spec in specs
            if spec["kind"] == Kind.SIMILARITY and spec["config"]["model"] not in _FREE_EMBEDDERS
        }
    )
    if missing:
        message = _(
            "The budget in money would not count calls of %(models)s: their price in %(currency)s is not known."
            " Give the price, or a budget in calls or tokens as well."
        )
        named = {"models": ", ".join(missing), "currency": currency}
        raise UnpricedModel(message % named, field="cost", models=missing)


def models_of_app(version: Any, *, team_id: UUID) -> set[str]:
    """The names of the chat models that a version may ask, and those of the apps that it calls."""
    called = published_workflows(called_by(version), team_id=team_id)
    documents = [version.document, *(each.document for each in called.values())]
    return {name for document in documents for name in _named_in(document.get("nodes") or ())}


def _named_in(nodes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Also in the bodies of iterations and loops."""
    for node in nodes:
        config = node.get("config") or {}
        model = config.get("model")
        if isinstance(model, Mapping) and isinstance(model.get("name"), str):
            yield model["name"]
        body = config.get("body")
        if isinstance(body, Mapping):
            yield from _named_in(body.get("nodes") or ())


def _models_of_judges(specs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (spec["config"]["model"] for spec in specs if spec["kind"] in _JUDGES)


def _has_price(name: str, *, team_id: UUID, currency: str) -> bool:
    """Whether calls by this name are counted in money. A model that nobody serves is not called."""
    try:
        opened = open_chat("" if name == DEFAULT else name, team_id=team_id)
    except (ModelError, ConsoleError):
        return True
    if not opened.account:
        return True  # built in: costs nothing
    model = opened.model
    price = price_book(team_id).find(model.name, provider=model.provider, on=timezone.now().date())
    return price is not None and price.currency == currency
