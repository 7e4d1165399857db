"""Registers the annotations app and hooks it into runs."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnnotationsConfig(AppConfig):
    name = "apps.annotations"
    label = "annotations"
    verbose_name = _("Annotations")

    def ready(self) -> None:
        """Answer from annotations before a run, lend examples, write hits down, count verdicts, keep gates."""
        from apps.annotations.selectors import feedback_counts, opinions
        from apps.annotations.selectors.feedback import verdicts
        from apps.annotations.selectors.online import scores_of_trace
        from apps.annotations.services import gates
        from apps.annotations.services.erasing import erase_copies
        from apps.annotations.services.few_shot import similar_examples
        from apps.annotations.services.hit_recorder import watch_hits
        from apps.annotations.services.reply import prepared_answer
        from apps.traces import hooks as traces_hooks
        from apps.traces.selectors.shown_scores import register_score_source
        from apps.workflows import hooks

        hooks.register_answer_source(prepared_answer)
        hooks.register_example_source(similar_examples)
        hooks.register_feedback_source(feedback_counts)
        hooks.register_observer(watch_hits)
        hooks.register_opinion_source(opinions)
        hooks.register_publish_gate(gates)
        hooks.register_verdict_source(verdicts)
        traces_hooks.register_action(
            traces_hooks.TracesAction(
                label=_("Add to a queue"),
                icon="list-checks",
                url_name="admin:annotations_queue_put",
                right="annotate",
            )
        )
        traces_hooks.register_action(
            traces_hooks.TracesAction(
                label=_("Add to a golden set"),
                icon="award",
                url_name="admin:annotations_golden_put",
                right="annotate",
            )
        )
        traces_hooks.register_eraser(erase_copies)
        register_score_source(scores_of_trace)
