"""Why an answer could not be given or judged, in a person's words: what happened, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

#: Who failed: an evaluator that was to judge, or the app that was to answer.
Who = Literal["evaluator", "app"]
_Words = Mapping[str, str | Promise]
_LINE = re.compile(r"\bline (\d{1,7})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What a person reads, and what only helps whoever mends it."""

    words: str
    code: str
    #: What was said at the time, in the language of what said it.
    technical: str


def reason_of(row: Any, *, who: Who = "evaluator") -> Reason | None:
    """Why the row (a result or a score, with `error_code` and `error_message`) has nothing to show; None: it has."""
    code, message = row.error_code, row.error_message
    if not code and not message:
        return None
    words = (_OF_CODE[who].get(code) or _ANYWHERE.get(code) or "") if code else ""
    if not words:
        # What fails in an app is told to its author by the app's own nodes.
        words = message if who == "app" and message else _OTHERWISE[who]
    told = [str(words)]
    if code == "code_error" and (line := _LINE.search(message)):
        told.append(_("It was line %(n)s.") % {"n": line[1]})
    return Reason(words=" ".join(told), code=code, technical="" if told == [message] else message)


_OTHERWISE: _Words = {
    "evaluator": gettext_lazy("The evaluator failed."),
    "app": gettext_lazy("The app gave no answer."),
}
_OF_CODE: Mapping[Who, _Words] = {
    "evaluator": {
        "nothing_expected": gettext_lazy(
            "Neither the item nor the evaluator says what a good answer is. Say in the item what is expected, or use an"
            " evaluator that needs nothing expected."
        ),
        "nothing_to_compare": gettext_lazy("The experiment to compare with has no answer to this item."),
        "pattern_too_slow": gettext_lazy("The pattern takes too long for this answer. Write a simpler one."),
        "bad_pattern": gettext_lazy("The pattern cannot be used. Correct it in the evaluator."),
        "bad_schema": gettext_lazy("The JSON schema cannot be used. Correct it in the evaluator."),
        "bad_verdict": gettext_lazy(
            "The judge did not reply with a verdict, also when it was asked once more. Try another model, or a shorter"
            " rubric."
        ),
        "bad_code_result": gettext_lazy(
            "The evaluator's code gave back no score from 0 to 1. “main” has to give back “score” or “passed”."
        ),
        "code_result": gettext_lazy(
            "The evaluator's code gave back something that cannot be read. “main” has to give back “score” or “passed”."
        ),
        "code_error": gettext_lazy("The evaluator's code stopped with an error. Correct it in the evaluator."),
        "code_timeout": gettext_lazy("The evaluator's code took longer than it may. Give it more time."),
        "code_memory": gettext_lazy("The evaluator's code took more memory than it may."),
        "code_output_limit": gettext_lazy("The evaluator's code printed or gave back too much."),
        "code_blocked": gettext_lazy("The evaluator's code tried something that the sandbox does not allow."),
        "code_killed": gettext_lazy("Somebody stopped the evaluator's code in the sandbox."),
        "code_protocol": gettext_lazy("The evaluator's code meddled with the way its result is sent."),
        "evaluator_timeout": gettext_lazy("The evaluator took too long for this answer. Judging again may help."),
        "internal_error": gettext_lazy(
            "Skep failed while it judged. Judging again may help; the log of the server has the details."
        ),
    },
    "app": {
        "code_result": gettext_lazy("Code in the app gave back something else than its outputs."),
        "code_error": gettext_lazy("Code in the app stopped with an error."),
        "code_timeout": gettext_lazy("Code in the app took longer than it may."),
        "code_memory": gettext_lazy("Code in the app took more memory than it may."),
        "code_output_limit": gettext_lazy("Code in the app printed or gave back too much."),
        "code_blocked": gettext_lazy("Code in the app tried something that the sandbox does not allow."),
        "code_killed": gettext_lazy("Somebody stopped code of the app in the sandbox."),
        "code_protocol": gettext_lazy("Code in the app meddled with the way its result is sent."),
        "internal_error": gettext_lazy("Skep failed during the run; the log of the server has the details."),
    },
}
_ANYWHERE: _Words = {
    "provider_unavailable": gettext_lazy("The provider of the model could not be reached. Trying again may help."),
    "provider_timeout": gettext_lazy("The provider of the model did not reply in time. Trying again may help."),
    "rate_limited": gettext_lazy("The provider was asked too much at once. Ask fewer items at once."),
    "stream_interrupted": gettext_lazy("The model's reply broke off. Trying again may help."),
    "invalid_model_reply": gettext_lazy("The provider's reply could not be understood. Trying again may help."),
    "model_error": gettext_lazy("The call of the model failed."),
    "model_not_found": gettext_lazy("No provider of the team has this model. Choose another one."),
    "insufficient_quota": gettext_lazy("The account at the provider has no credit left."),
    "unauthorized_provider": gettext_lazy("The provider refuses the key. Replace it among the team's providers."),
    "provider_misconfigured": gettext_lazy("The provider's address or the model's name is wrong."),
    "model_refused": gettext_lazy("The model declined to reply."),
    "context_too_long": gettext_lazy("The text is longer than the model can read."),
    "bad_model_request": gettext_lazy("The provider rejects the settings of the call."),
    "script_exhausted": gettext_lazy("The scripted model has nothing more to say."),
    "egress_refused": gettext_lazy("The model's address may not be reached from here. Ask whoever operates Skep."),
    "sandbox_off": gettext_lazy("Code cannot be run here, because there is no sandbox. Ask whoever operates Skep."),
    "sandbox_unauthorized": gettext_lazy("The sandbox refuses Skep's key. Ask whoever operates Skep."),
    "sandbox_rejected": gettext_lazy("The sandbox does not take the code as it is set up."),
    "sandbox_profile_unavailable": gettext_lazy("The sandbox lacks the language or the libraries of this code."),
    "sandbox_unreachable": gettext_lazy("The sandbox did not answer. Trying again may help."),
    "sandbox_busy": gettext_lazy("The sandbox had no place free. Trying again may help."),
    "sandbox_lost": gettext_lazy("The sandbox ended while it ran the code. Trying again may help."),
}
