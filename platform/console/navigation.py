"""The rail: what the console offers, in which section, and who sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A place in the rail. The first of its URL names that exists is where it leads; none means it is not shown.

    It is marked as the current one on its own address, on everything below that, and below the paths in `under`.
    """

    label: str | Promise
    icon: str
    urls: tuple[str, ...]
    under: tuple[str, ...] = ()
    permission: str = ""
    staff_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled group of places."""

    label: str | Promise
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An item as one person sees it on one page."""

    label: str | Promise
    icon: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkGroup:
    """A section as one person sees it; it has at least one link."""

    label: str | Promise
    links: tuple[Link, ...]


SECTIONS: tuple[Section, ...] = (
    Section(
        label=pgettext_lazy("rail section", "Build"),
        items=(
            Item(
                label=_("Apps"),
                icon="layout-grid",
                urls=("workflows:apps", "admin:workflows_application_changelist"),
                under=("/apps/", "/admin/workflows/application/", "/admin/workflows/version/"),
            ),
            Item(
                label=_("Datasets"),
                icon="library",
                urls=("datasets:datasets", "admin:datasets_dataset_changelist"),
                under=("/admin/datasets/",),
            ),
            Item(label=_("Tools"), icon="wrench", urls=("workflows:tools", "admin:workflows_toolset_changelist")),
            Item(
                label=_("Models"),
                icon="cpu",
                urls=("providers:models", "admin:providers_providercredential_changelist"),
                under=("/admin/providers/",),
            ),
        ),
    ),
    Section(
        label=pgettext_lazy("rail section", "Observe"),
        items=(
            Item(
                label=_("Dashboard"),
                icon="gauge",
                urls=("console:dashboard", "traces:dashboard"),
                permission="traces.view_trace",
                staff_only=True,
            ),
            Item(
                label=_("Traces"),
                icon="list-tree",
                urls=("traces:traces", "admin:traces_trace_changelist"),
                under=("/admin/traces/",),
            ),
            Item(label=_("Runs"), icon="circle-play", urls=("admin:workflows_run_changelist",)),
            Item(label=_("Triggers"), icon="webhook", urls=("admin:workflows_trigger_changelist",)),
            Item(
                label=_("Conversations"),
                icon="messages-square",
                urls=("workflows:conversations", "admin:workflows_conversation_changelist"),
                under=(
                    "/admin/workflows/message/",
                    "/admin/traces/trace/conversations/",
                    "/admin/traces/trace/sessions/",
                ),
            ),
            Item(label=_("Alerts"), icon="bell", urls=("traces:alerts", "admin:traces_alert_changelist")),
        ),
    ),
    Section(
        label=pgettext_lazy("rail section", "Improve"),
        items=(
            Item(
                label=_("Review queues"),
                icon="inbox",
                urls=("annotations:queues", "admin:annotations_reviewqueue_changelist"),
                under=("/admin/annotations/scoreconfig/",),
            ),
            Item(
                label=_("Reviews"),
                icon="scan-search",
                urls=("annotations:reviews", "admin:annotations_review_changelist"),
            ),
            Item(
                label=_("Corrections"),
                icon="git-compare-arrows",
                urls=("admin:annotations_correction_changelist",),
                under=("/admin/annotations/preferencepair/",),
            ),
            Item(
                label=_("Annotations"),
                icon="pen-line",
                urls=("annotations:annotations", "admin:annotations_annotation_changelist"),
                under=("/admin/annotations/",),
            ),
            Item(label=_("Feedback"), icon="thumbs-up", urls=("admin:annotations_feedback_changelist",)),
            Item(
                label=_("Golden sets"),
                icon="award",
                urls=("annotations:golden-sets", "admin:annotations_goldenset_changelist"),
            ),
            Item(
                label=_("Experiments"),
                icon="flask-conical",
                urls=("annotations:experiments", "admin:annotations_experiment_changelist"),
            ),
            Item(
                label=_("Evaluators"),
                icon="scale",
                urls=("admin:annotations_evaluator_changelist",),
                under=("/admin/annotations/calibration/",),
            ),
            Item(
                label=_("Online evaluation"),
                icon="activity",
                urls=("admin:annotations_onlineevaluation_changelist",),
            ),
            Item(label=_("Publish gates"), icon="lock", urls=("admin:annotations_publishgate_changelist",)),
            Item(label=_("Fine-tune sets"), icon="layers", urls=("admin:annotations_trainingset_changelist",)),
        ),
    ),
    Section(
        label=pgettext_lazy("rail section", "Operate"),
        items=(
            Item(label=_("Team"), icon="users", urls=("accounts:team", "admin:accounts_team_changelist")),
            Item(label=_("Users"), icon="circle-user", urls=("admin:accounts_user_changelist",)),
            Item(
                label=_("Trace policies"),
                icon="shield-check",
                urls=("admin:traces_tracepolicy_changelist",),
                under=("/admin/traces/erasure/",),
            ),
            Item(label=_("OpenTelemetry"), icon="cable", urls=("otel:receive",), under=("/opentelemetry/",)),
            Item(label=_("Keys"), icon="key-round", urls=("accounts:keys", "admin:accounts_apikey_changelist")),
            Item(
                label=_("Jobs"),
                icon="list-checks",
                urls=("console:jobs", "admin:django_celery_results_taskresult_changelist"),
                under=("/admin/django_celery_results/",),
            ),
            Item(
                label=_("Sandbox"),
                icon="box",
                urls=("sandbox:health",),
                under=("/admin/sandbox/",),
                permission="sandbox.view_refusal",
                staff_only=True,
            ),
            Item(label=_("Audit"), icon="scroll-text", urls=("console:audit", "admin:admin_logentry_changelist")),
        ),
    ),
)


def rail_for(user: User | AnonymousUser, *, path: str) -> tuple[LinkGroup, ...]:
    """The sections this person sees; the current link is the one that claims the longest beginning of `path`."""
    if not user.is_authenticated:
        return ()
    seen = [(section, list(_visible(section, user))) for section in SECTIONS]
    claims = {url: _claim(item, url=url, path=path) for _section, places in seen for item, url in places}
    current = max(claims, key=lambda url: claims[url], default="")
    return tuple(
        LinkGroup(
            label=section.label,
            links=tuple(
                Link(label=item.label, icon=item.icon, url=url, current=url == current and claims[url] > 0)
                for item, url in places
            ),
        )
        for section, places in seen
        if places
    )


def _claim(item: Item, *, url: str, path: str) -> int:
    """How much of `path` the item covers, in characters; the root covers only itself."""
    own = [url] if path == url or url != "/" else []
    return max((len(prefix) for prefix in (*own, *item.under) if path.startswith(prefix)), default=0)


def _visible(section: Section, user: User | AnonymousUser) -> Iterator[tuple[Item, str]]:
    for item in section.items:
        for name in item.urls:
            url = _resolve(name)
            if url is not None and _may_open(user, item=item, name=name):
                yield item, url
                break


def _may_open(user: User | AnonymousUser, *, item: Item, name: str) -> bool:
    if item.staff_only and not user.is_staff:
        return False
    if item.permission and not user.has_perm(item.permission):
        return False
    if not name.startswith("admin:"):
        return True
    return user.is_staff and _may_view_model(user, name=name)


def _may_view_model(user: User | AnonymousUser, *, name: str) -> bool:
    """A changelist opens for those who may view or change its model, as the admin itself decides."""
    label, _, model = name.removeprefix("admin:").removesuffix("_changelist").rpartition("_")
    return user.has_perm(f"{label}.view_{model}") or user.has_perm(f"{label}.change_{model}")


def _resolve(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None
