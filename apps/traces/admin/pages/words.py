"""The words that the scripts of the trace page show, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.traces.models import Span


def words() -> dict[str, str]:
    """By name; `{n}` and the like are filled in by the script."""
    return {
        **{f"status_{value}": str(label) for value, label in Span.Status.choices},
        "us": _("%(n)s µs") % {"n": "{n}"},
        "ms": _("%(n)s ms") % {"n": "{n}"},
        "s": _("%(n)s s") % {"n": "{n}"},
        "min": _("%(m)s min %(s)s s") % {"m": "{m}", "s": "{s}"},
        "h": _("%(h)s h %(m)s min") % {"h": "{h}", "m": "{m}"},
        "whole_min": _("%(n)s min") % {"n": "{n}"},
        "failed": _("This span could not be loaded. Check the connection and try again."),
        "view_failed": _("This could not be loaded. Check the connection and try again."),
        "found": _("{n} found"),
        "looking": _("Looking into the values…"),
        "nothing": _("No span matches."),
        "orphan": _("Parent missing"),
        "orphan_why": _("This span names a parent that is not in the trace. It may still arrive."),
        "cyclic": _("Circle cut"),
        "cyclic_why": _("This span is its own ancestor by what it was sent with. The circle is cut here."),
        "skewed": _("Clock differs"),
        "skewed_why": _("This span began before its parent: the clocks of two machines differ."),
        "handled": _("Handled"),
        "no_end": _("No end"),
        "critical": _("On the critical path: the end waited for it."),
        "times": _("× {n}"),
        "fold": _("Fold"),
        "unfold": _("Unfold"),
        "errors": _("{n} failed"),
        "own": _("{t} of it by itself"),
        "key_down": _("Next span"),
        "key_up": _("Previous span"),
        "key_open": _("Go to the opened span"),
        "key_error": _("Next error"),
        "key_error_back": _("Previous error"),
        "key_slowest": _("Slowest step"),
        "key_critical": _("Next on the critical path"),
        "key_fold": _("Fold, or go to the parent"),
        "key_unfold": _("Unfold, or go inside"),
        "key_fold_all": _("Fold everything"),
        "key_unfold_all": _("Unfold everything"),
        "key_tab": _("Next tab"),
        "key_views": _("Tree, waterfall, graph, log"),
        "key_zoom": _("Zoom to the opened span"),
        "key_whole": _("Show the whole time again"),
        "key_next_found": _("Next match"),
        "story_copied": _("The test story is on the clipboard."),
        "story_failed": _("The test story could not be made."),
        "lines": _("{n} lines"),
    }
