"""The style page: every part of the design system with real-looking data, to look at and to compare against."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.icons import icon_names
from console.templatetags.parts import KINDS, STATUSES

TABS = (
    ("parts", _("Parts")),
    ("lists", _("Lists")),
    ("forms", _("Forms")),
    ("chat", _("Chat")),
    ("trace", _("Trace")),
)


class ExampleForm(forms.Form):
    """A form with every kind of field the product has."""

    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("People see it in lists and in the chat."))
    model = forms.ChoiceField(
        label=_("Model"), choices=[("demo", "demo/extractive"), ("gpt", "openai/gpt-4o-mini")], required=False
    )
    prompt = forms.CharField(
        label=_("System prompt"),
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono"}),
        help_text=_("Use {{#node.variable#}} to insert a value of an earlier node."),
    )
    temperature = forms.DecimalField(label=_("Temperature"), min_value=Decimal(0), max_value=Decimal(2), initial="0.2")
    public = forms.BooleanField(
        label=_("Public chat page"), required=False, help_text=_("Anyone with the link may chat.")
    )
    document = forms.FileField(label=_("Document"), required=False)


@login_required
def styles(request: HttpRequest) -> HttpResponse:
    """One tab of the style page (`?part=lists`)."""
    part = request.GET.get("part", "parts")
    chosen = part if part in dict(TABS) else "parts"
    form = ExampleForm({"name": "", "prompt": "Answer from the handbook only.", "temperature": "3"})
    return render(
        request,
        f"console/styles/{chosen}.html",
        {
            "part": chosen,
            "tabs": TABS,
            "form": form if chosen == "forms" else None,
            "clean_form": ExampleForm(initial={"name": "Ask the handbook", "prompt": "Answer from the handbook only."}),
            "statuses": list(STATUSES),
            "kinds": list(KINDS),
            "icons": sorted(icon_names()),
            "runs": _runs(),
            "value": _json_value(),
            "spans": _spans(),
            "crumbs": [(_("Apps"), "#"), ("Ask the handbook", "#")],
            "before": "You can return a product within 14 days. Shipping is paid by the customer.",
            "after": "You can return a product within 30 days of delivery. Shipping is free.",
            "before_zh": "退货期限为十四天，运费由客户承担。",
            "after_zh": "退货期限为三十天，运费由我们承担。",
            "answer": ANSWER,
            "command": COMMAND,
        },
    )


ANSWER = """Purchases can be returned **within 30 days of delivery**, as long as the item is unused.

1. Open *Orders* and choose the order.
2. Print the label; the parcel is collected the next working day.

| Country | Who pays |
|---|---:|
| Germany, Austria | we do |
| Elsewhere | the customer |

See `returns-policy.pdf`, or <b>this stays text</b>."""


COMMAND = """curl -N http://localhost:8000/v1/chat-messages \\
  -H 'Authorization: Bearer app-…' \\
  -d '{"query": "Who pays for returns?", "response_mode": "streaming"}'"""


def _runs() -> list[dict[str, Any]]:
    now = timezone.now()
    rows = [
        ("How long do I have to return a pair of shoes?", "succeeded", "2.41", 1284, "0.00042", 2),
        ("退货的运费由谁承担？如果商品在运输过程中损坏，应当在多少天之内提出申请？", "running", None, 310, None, 4),
        ("Summarise section 4 of the employee handbook in three bullets", "succeeded", "6.087", 4931, "0.00187", 19),
        (
            "Which warranty applies to refurbished devices " + "and accessories " * 12,
            "failed",
            "30.002",
            812,
            "0.0003",
            74,
        ),
        ("Is there a discount for schools?", "paused", "0.612", 402, "0.00011", 190),
        ("What is the dress code on client visits?", "stopped", "1.2", 655, "0.00019", 1500),
        ("Draft a reply to ticket 48213", "partial-succeeded", "12.75", 12_940, "1.2041", 4400),
    ]
    return [
        {
            "id": f"0199c4e2-7a1{position}",
            "question": question,
            "status": status,
            "seconds": Decimal(seconds) if seconds else None,
            "tokens": tokens,
            "cost": Decimal(cost) if cost else None,
            "started": now - dt.timedelta(minutes=minutes),
        }
        for position, (question, status, seconds, tokens, cost, minutes) in enumerate(rows)
    ]


def _json_value() -> dict[str, Any]:
    return {
        "model": "openai/gpt-4o-mini",
        "temperature": 0.2,
        "stream": True,
        "stop": None,
        "messages": [
            {"role": "system", "content": "Answer from the handbook only. " * 12},
            {"role": "user", "content": "退货的运费由谁承担？"},
        ],
        "usage": {"input_tokens": 1204, "output_tokens": 80, "cost": {"currency": "USD", "total": "0.00042"}},
        "tools": [],
        "<script>alert(1)</script>": "<img src=x onerror=alert(1)>",
    }


def _spans() -> list[dict[str, Any]]:
    """The steps of one run of 2,410 ms; the rows say when each began and ended in per cent."""
    rows = [
        ("Ask the handbook", "chat", 0, 0, 100, "ok"),
        ("Start", "start", 1, 0, 0.6, "ok"),
        ("Knowledge retrieval", "knowledge-retrieval", 1, 1, 18, "ok"),
        ("embed query", "embedding", 2, 1.2, 5, "ok"),
        ("hybrid search: handbook", "retrieval", 2, 5.5, 17.6, "ok"),
        ("Is it a return?", "if-else", 1, 18.4, 19, "ok"),
        ("Order lookup", "http-request", 1, 19.4, 42, "error"),
        ("Compose the answer with a rather long name that does not fit", "llm", 1, 42.4, 98, "ok"),
        ("openai/gpt-4o-mini", "generation", 2, 43, 97.5, "ok"),
        ("Answer", "answer", 1, 98.4, 100, "ok"),
    ]
    return [
        {
            "name": name,
            "kind": kind,
            "depth": depth,
            "begin": begin * 24.1,
            "length": (end - begin) * 24.1,
            "wait": 240 if kind == "generation" else 0,
            "error": status == "error",
        }
        for name, kind, depth, begin, end, status in rows
    ]
