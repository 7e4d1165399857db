"""What a correction led to, or will lead to, as its pages list it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.annotations.models import Correction, CorrectionSettings
from apps.annotations.selectors.products import Kind, Product

#: What each product is called, its icon, and what it does for the app.
KINDS: dict[Kind, tuple[Any, str, Any]] = {
    Kind.ANNOTATION: (
        gettext_lazy("Annotation reply"),
        "pen-line",
        gettext_lazy("The app answers this question, and ones that mean the same, with the corrected text."),
    ),
    Kind.EXAMPLE: (
        gettext_lazy("Few-shot example"),
        "sparkles",
        gettext_lazy("LLM nodes that ask for examples may show it to their model."),
    ),
    Kind.GOLDEN_ITEM: (
        gettext_lazy("Golden set item"),
        "award",
        gettext_lazy("Experiments ask the question and compare with the corrected text."),
    ),
    Kind.PREFERENCE_PAIR: (
        gettext_lazy("Preference pair"),
        "scale",
        gettext_lazy("Fine-tune sets take both answers, the better and the worse one."),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRow:
    """One line: what it is, where it is, and how it stands."""

    kind: str
    label: str
    icon: str
    purpose: str
    words: str
    url: str = ""
    is_in_use: bool = False
    #: It is not there yet: approval will make it, or it is switched off for the app.
    is_planned: bool = False
    is_off: bool = False


def product_rows(
    products: Sequence[Product], *, correction: Correction, settings: CorrectionSettings
) -> list[ProductRow]:
    """Every kind has at least one line, so that what is switched off is seen as well."""
    rows: list[ProductRow] = []
    for kind in KINDS:
        made = [product for product in products if product.kind == kind]
        rows.extend(_made(product) for product in made)
        if not made:
            rows.append(_missing(kind, correction=correction, settings=settings))
    return rows


def planned_rows(settings: CorrectionSettings) -> list[ProductRow]:
    """What an approval would make for the app."""
    return [_row(kind, words=_set_name(kind, settings), is_planned=True) for kind in KINDS if _is_on(kind, settings)]


def address_of(kind: Kind, product_id: UUID, *, set_id: UUID | None = None, number: int = 0) -> str:
    """Where a product is shown."""
    match kind:
        case Kind.ANNOTATION:
            return reverse("admin:annotations_annotation_change", args=[product_id])
        case Kind.EXAMPLE:
            return reverse("admin:annotations_fewshotexample_change", args=[product_id])
        case Kind.GOLDEN_ITEM:
            return reverse("admin:annotations_golden_item", args=[set_id, number])
        case Kind.PREFERENCE_PAIR:
            return reverse("admin:annotations_preferencepair_change", args=[product_id])


def _made(product: Product) -> ProductRow:
    return _row(
        product.kind,
        words=_state(product),
        url=address_of(product.kind, product.id, set_id=product.set_id, number=product.number),
        is_in_use=product.is_in_use,
    )


def _missing(kind: Kind, *, correction: Correction, settings: CorrectionSettings) -> ProductRow:
    if not _is_on(kind, settings):
        return _row(kind, words=_("Switched off for this app"), is_off=True)
    if correction.is_approved:
        return _row(kind, words=_("Switched on after the approval"), is_off=True)
    return _row(kind, words=_set_name(kind, settings) or _("Will be made on approval"), is_planned=True)


def _row(
    kind: Kind, *, words: str, url: str = "", is_in_use: bool = False, is_planned: bool = False, is_off: bool = False
) -> ProductRow:
    label, icon, purpose = KINDS[kind]
    return ProductRow(
        kind=kind,
        label=str(label),
        icon=icon,
        purpose=str(purpose),
        words=words,
        url=url,
        is_in_use=is_in_use,
        is_planned=is_planned,
        is_off=is_off,
    )


def _is_on(kind: Kind, settings: CorrectionSettings) -> bool:
    return {
        Kind.ANNOTATION: settings.makes_annotation,
        Kind.EXAMPLE: settings.makes_example,
        Kind.GOLDEN_ITEM: settings.golden_set_id is not None,
        Kind.PREFERENCE_PAIR: settings.makes_preference_pair,
    }[kind]


def _set_name(kind: Kind, settings: CorrectionSettings) -> str:
    golden_set = settings.golden_set if kind is Kind.GOLDEN_ITEM else None
    return _("in “%(set)s”") % {"set": golden_set.name} if golden_set is not None else ""


def _state(product: Product) -> str:
    match product.kind:
        case Kind.ANNOTATION if product.hits:
            words = ngettext("answered one question", "answered %(n)s questions", product.hits)
            return words % {"n": f"{product.hits:,}"}
        case Kind.ANNOTATION:
            return _("not asked yet")
        case Kind.EXAMPLE:
            return _("in the few-shot store")
        case Kind.GOLDEN_ITEM:
            names = {"n": product.number, "set": product.set_name, "version": product.version}
            if product.is_in_use:
                return _("number %(n)s of “%(set)s”, since version %(version)s") % names
            return _("taken out of “%(set)s” in version %(version)s") % names
        case Kind.PREFERENCE_PAIR:
            return _("for fine-tune sets")
