"""Conversations and their messages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import NoReverseMatch
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.workflows.admin.columns import link, pill_column
from apps.workflows.models import Conversation, Message
from apps.workflows.selectors.messages import as_uuid, dialogue
from support.admin import ReadOnlyModelAdmin


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyModelAdmin):
    list_display = ("__str__", "application", "source", "end_user", "turns", "updated_at")
    list_filter = ("source", "application")
    list_select_related = ("application",)
    search_fields = ("=id", "=end_user", "name")
    search_help_text = _("A conversation's id, an end user, or words of its name.")
    fields = ("application", "source", "end_user", "created_at", "updated_at", "shown_dialogue")
    readonly_fields = ("shown_dialogue",)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of the conversation, where it is served and the person may see traces; else the plain form."""
        parsed, user = as_uuid(object_id), request.user
        if parsed is not None and user.has_perm("traces.view_trace"):
            try:
                return redirect("admin:traces_conversation", parsed)
            except NoReverseMatch:
                pass
        return super().change_view(request, object_id, form_url, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        conversations: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = conversations.annotate(turn_count=Count("messages"))
        return counted

    @admin.display(description=_("turns"))
    def turns(self, conversation: Any) -> int:
        count: int = conversation.turn_count
        return count

    @admin.display(description=_("dialogue"))
    def shown_dialogue(self, conversation: Conversation) -> SafeString:
        return render_to_string("admin/workflows/dialogue.html", {"turns": dialogue(conversation.id)})


@admin.register(Message)
class MessageAdmin(ReadOnlyModelAdmin):
    list_display = (
        "__str__",
        pill_column(),
        "application",
        "input_tokens",
        "output_tokens",
        "created_at",
        "trace",
        "review",
    )
    list_filter = ("status", "application")
    list_select_related = ("application",)
    search_fields = ("=id", "query")
    search_help_text = _("A message's id, or words of the question.")
    exclude = ("metadata",)

    @admin.display(description=_("trace"))
    def trace(self, message: Message) -> SafeString | str:
        return link(_("Open"), "admin:traces_trace_change", message.run_id)

    @admin.display(description=_("review"))
    def review(self, message: Message) -> SafeString | str:
        return link(_("Review"), "admin:annotations_message_review", message.id)
