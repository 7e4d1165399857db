"""Why a document could not be indexed, in the reader's language.

The error column keeps a code, the parameters and the English sentence; the sentence to show is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REASONS: Mapping[str, Promise] = {
    "empty_document": _(
        "The document holds no text. Check that it is the right file and that it was saved completely."
    ),
    "encrypted": _("The document is protected by a password. Remove the protection and upload it again."),
    "damaged": _(
        "The file cannot be read as {kind}: {reason}. "
        "Open it in its own program, save it again and upload the new copy."
    ),
    "needs_ocr": _(
        "{unreadable} of {pages} pages hold pictures or unreadable characters instead of text. "
        "Run text recognition (OCR) on the document and upload the result."
    ),
    "too_large": _(
        "The document is over the limit of {limit} {what}. "
        "Split it into smaller files, or ask an administrator to raise the limit."
    ),
    "file_too_large": _(
        "The file is over the limit of {megabytes} MB. "
        "Split it into smaller files, or ask an administrator to raise the limit."
    ),
    "unsupported_type": _("This file is {found}. {advice}"),
    "timeout": _(
        "Reading the document took longer than {seconds} seconds and was stopped. "
        "Split it into smaller files, or ask an administrator to raise the limit."
    ),
    "out_of_memory": _(
        "Reading the document needed more than {megabytes} MB of memory and was stopped. "
        "Split it into smaller files, or ask an administrator to raise the limit."
    ),
    "cleaning_rule": _(
        "Cleaning rule {number} ({rule}) took longer than {seconds} seconds for one page and was stopped. "
        "Write it without repetitions inside repetitions, as in (a+)+, and index the document again."
    ),
    "gave_up": _(
        "Indexing stopped without an answer {times} times in a row. The file may need more memory than a worker has: "
        "split it, or ask an administrator to look at the worker's log."
    ),
    "unauthorized_provider": _(
        "The provider refuses the key that is stored for it. Enter a working key under Providers, then try again."
    ),
    "insufficient_quota": _(
        "The account behind the provider's key has no credit left. Top it up or choose another model, then try again."
    ),
    "internal_error": _(
        "Something went wrong on our side while indexing. Try again; if it happens again, an administrator finds the "
        "cause in the worker's log."
    ),
}

NEXT_STEPS: Mapping[str, Promise] = {
    "rate_limited": _(
        "Try again later. So that indexing keeps to the provider's pace, give its credential the requests and tokens "
        "that it takes a minute."
    ),
    "provider_unavailable": _("Check that the provider can be reached, then try again."),
    "provider_timeout": _("Check that the provider can be reached, then try again."),
    "bad_vector": _("Move the dataset to a model that makes such vectors, under Settings, or put the model right."),
    "provider_misconfigured": _("Put the model's name, dimension or address right under Models, then try again."),
    "invalid_model_reply": _("Check the address and the model under Models, then try again."),
    "vector_store_unavailable": _("Try again once the vector store runs; Settings shows whether it does."),
    "vector_store_misconfigured": _("An administrator of the installation can put that right; then try again."),
    "vector_store_refused": _("An administrator finds the cause in the vector store's log; then try again."),
}
"""What to do about a failure whose own words say only what happened."""


def explain(error: Mapping[str, Any]) -> str:
    """The sentence for a stored error; the stored one where there is no translation."""
    template = REASONS.get(str(error.get("code")))
    stored = str(error.get("message", ""))
    if template is None:
        following = NEXT_STEPS.get(str(error.get("code")))
        return stored if following is None else f"{stored.rstrip('.')}. {following}"
    try:
        return str(template).format(**error.get("params", {}))
    except KeyError:
        return stored
