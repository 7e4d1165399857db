"""Examples from corrections in the document editor: which nodes can show some, and the text in which one does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.workflows.dsl import UnreadableDocument, dump, read
from apps.workflows.models import Application
from apps.workflows.nodes.examples_wanted import asking_nodes, with_examples
from apps.workflows.pages.access import member_page

MOST_CHARS = 1_000_000


class FewShotForm(forms.Form):
    """What the document says under `few_shot`; the schema has the same limits."""

    node = forms.CharField(max_length=200)
    k = forms.IntegerField(min_value=0, max_value=20)
    token_budget = forms.IntegerField(min_value=1, max_value=200_000, required=False)
    min_score = forms.FloatField(min_value=0, max_value=1, required=False)


@require_POST
@member_page("edit")
def few_shot(request: HttpRequest, application: Application) -> JsonResponse:
    """The llm nodes of the text in the editor; with a node, the text in which it shows examples. Nothing is saved."""
    try:
        document = _read(request.POST.get("document", ""))
    except UnreadableDocument as exc:
        words = _("The document cannot be read as it is: %(reason)s")
        return JsonResponse({"error": words % {"reason": exc.problems[0].message}}, status=422)
    nodes = asking_nodes(document)
    if "node" not in request.POST:
        return JsonResponse({"nodes": [asdict(node) for node in nodes]})
    form = FewShotForm(request.POST)
    found = next((node for node in nodes if node.id == request.POST["node"]), None)
    if found is None:
        return JsonResponse({"error": _("There is no such node any more.")}, status=422)
    if not form.is_valid():
        return JsonResponse({"errors": {name: words[0] for name, words in form.errors.items()}}, status=422)
    given = form.cleaned_data
    changed = with_examples(
        document,
        found.id,
        k=given["k"],
        token_budget=given["token_budget"],
        min_score=given["min_score"] or 0.0,
    )
    return JsonResponse({"text": dump(changed), "path": f"{found.path}/config/few_shot", "said": _said(found, given)})


def _read(text: str) -> dict[str, Any]:
    return read(text[: MOST_CHARS + 1].replace("\r\n", "\n")).document


def _said(node: Any, given: dict[str, Any]) -> str:
    if not given["k"]:
        return _("“%(node)s” shows no examples. Save a new version to keep that.") % {"node": node.title}
    words = _("“%(node)s” shows up to %(k)s examples. Save a new version to keep that.")
    return words % {"node": node.title, "k": given["k"]}
