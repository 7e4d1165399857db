"""POST /hooks/<token>/ (or whatever method it says): a run of a webhook, and what its caller is told."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Any, Final

import orjson
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.workflows import services
from apps.workflows.api.hook_answer import answer_at_once, answer_of_run
from apps.workflows.api.hook_body import NO_BODY, content_hash, read_body
from apps.workflows.api.hook_values import HookValues, read_values
from apps.workflows.engine.journal import storable
from apps.workflows.engine.run_info import RunInfo
from apps.workflows.models import Firing, Run, Trigger
from apps.workflows.nodes.trigger_webhook import JSON, REQUEST
from apps.workflows.selectors.files import file_value
from apps.workflows.selectors.runs import run_info
from apps.workflows.selectors.triggers import firing_with_key, webhook_of_token
from apps.workflows.services.files import receive_file
from apps.workflows.streaming.frames import outcome
from support.api import error_body, error_response
from support.database import in_thread, release_connections
from support.errors import ConsoleError, InvalidInput, TooLarge, Unavailable

logger = logging.getLogger(__name__)

#: A caller waits no longer than this; the run goes on.
WAIT_S: Final = 60.0
MOST_KEY_CHARS: Final = 255


class CannotBegin(Unavailable):
    """The app cannot run as it is; what it lacks stands on its page."""


class WrongContentType(ConsoleError):
    """The body is of another type than the webhook takes."""

    code = "unsupported_media_type"
    http_status = 415


@csrf_exempt
def hook(request: HttpRequest, token: str) -> HttpResponse:
    """One request to a webhook's address. Whoever knows the address may send one."""
    response = _said(request, token)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's line about a refusal has the address
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _said(request: HttpRequest, token: str) -> HttpResponse:
    try:
        trigger = webhook_of_token(token)
    except ConsoleError as exc:
        return error_response(exc)
    try:
        return _answered(request, trigger)
    except ConsoleError as exc:
        if not isinstance(exc, CannotBegin):  # why is noted already
            services.note_refusal(trigger, exc)
        return error_response(exc)
    except Exception:  # border: a fault of ours is noted without the address, which is a secret
        logger.exception("the request to the webhook %s failed", trigger.id)
        return JsonResponse(error_body("internal_error", "Something broke on our side.", 500), status=500)


def _answered(request: HttpRequest, trigger: Trigger) -> HttpResponse:
    config = trigger.config
    method = config.get("method", "POST")
    if request.method != method:
        body = error_body("method_not_allowed", f"This address takes {method}.", 405)
        return HttpResponseNotAllowed([method], orjson.dumps(body), content_type="application/json")
    found = read_values(request, read_body(request, _content_type(request, config)), config)
    key = _key_of(request)
    digest = _digest_of(found)
    earlier = firing_with_key(trigger, key)
    if earlier is not None:
        return _again(trigger, earlier, digest)
    at_once = bool(config.get("async", False))
    accepted = _begun(trigger, _given(trigger, found), for_worker=at_once, key=key, digest=digest)
    if accepted is None:  # somebody with the same key was quicker by a moment
        earlier = firing_with_key(trigger, key)
        assert earlier is not None
        return _again(trigger, earlier, digest)
    if at_once:
        services.hand_to_worker(accepted)
        return answer_at_once(trigger, accepted.run)
    release_connections()  # what follows waits for the run, not for the database
    async_to_sync(_run_and_wait)(accepted)
    return answer_of_run(trigger, Run.objects.get(id=accepted.run.id))


def _begun(
    trigger: Trigger, given: dict[str, Any], *, for_worker: bool, key: str, digest: str
) -> services.Accepted | None:
    """See `fire_webhook`. What the app lacks is for the team to know, not for whoever calls. Raises TooLarge."""
    try:
        return services.fire_webhook(
            trigger, given=given, for_worker=for_worker, key=key, digest=digest, now=timezone.now()
        )
    except TooLarge:
        raise
    except ConsoleError as exc:
        services.note_refusal(trigger, exc)
        raise CannotBegin("The app behind this address cannot begin a run now.") from exc


def _content_type(request: HttpRequest, config: dict[str, Any]) -> str:
    """The content type that the webhook takes. Raises WrongContentType."""
    wanted: str = config.get("content_type", JSON)
    sent = (request.content_type or "").lower()
    is_json = wanted == JSON and sent.startswith("application/") and sent.endswith("+json")
    if request.method not in NO_BODY and sent != wanted and not is_json:
        raise WrongContentType(f"This address takes {wanted}, not {sent[:100] or 'a body without a type'}.")
    return wanted


def _key_of(request: HttpRequest) -> str:
    """What makes two requests one. Raises InvalidInput."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MOST_KEY_CHARS or not key.isprintable():
        raise InvalidInput(f"Idempotency-Key must have at most {MOST_KEY_CHARS} printable characters.")
    return key


def _digest_of(found: HookValues) -> str:
    """The same for requests that say the same, in whatever words."""
    files = {
        name: [(file.name, content_hash(file)) for file in (given if isinstance(given, list) else [given])]
        for name, given in found.files.items()
    }
    said = storable([found.request["method"], found.request["params"], found.request["body"], found.values, files])
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _given(trigger: Trigger, found: HookValues) -> dict[str, Any]:
    """What the run is told; its files are kept from here on."""
    kept: dict[str, Any] = {}
    for name, given in found.files.items():
        files = [_kept(trigger, file) for file in (given if isinstance(given, list) else [given])]
        kept[name] = files if isinstance(given, list) else files[0]
    return {"values": {**found.values, **kept}, REQUEST: found.request}


def _kept(trigger: Trigger, upload: UploadedFile[Any]) -> dict[str, Any]:
    with upload:
        file = receive_file(
            upload.chunks(),
            application=trigger.application,
            source=Run.Source.TRIGGER,
            end_user=trigger.node_id,
            name=upload.name or "",
            declared_type=upload.content_type or "",
        )
    return file_value(file)


def _again(trigger: Trigger, earlier: Firing, digest: str) -> HttpResponse:
    """The answer that the first request with this key got, or gets."""
    if earlier.digest != digest:
        raise services.IdempotencyConflict("This Idempotency-Key was sent with another content.")
    run = earlier.run
    if run is None:
        raise services.IdempotencyConflict("This Idempotency-Key was sent before, and its run is no longer kept.")
    if trigger.config.get("async", False):
        response = answer_at_once(trigger, run)
    else:
        release_connections()
        async_to_sync(_wait)(run)
        response = answer_of_run(trigger, Run.objects.get(id=run.id))
    response["Idempotency-Replayed"] = "true"
    return response


async def _run_and_wait(accepted: services.Accepted) -> None:
    await services.launch(accepted)
    await _end_of(accepted.info, is_new=True)


async def _wait(run: Run) -> None:
    await _end_of(await in_thread(run_info, run.id), is_new=False)


async def _end_of(info: RunInfo, *, is_new: bool) -> None:
    try:
        await asyncio.wait_for(outcome(info, is_new=is_new), WAIT_S)
    except TimeoutError:
        return
