"""Moving a dataset's vectors to another store or another embedding model, while it is searched and indexed.

    start_move    decides where to, and from then on whatever is indexed is written to both places
    carry_on      copies, checks, and switches in one transaction; after a crash it goes on from its cursor
    drop_old      removes what is left behind, once no search can still be under way there

Under the switch's locks no version becomes searchable and no batch is marked ready, so what the new place lacks then is
all that it lacks.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.datasets.models import Dataset, IndexRun, VectorMove
from apps.datasets.models.vector_move import KEEP_OLD
from apps.datasets.services.errors import MoveUnderway
from apps.datasets.services.migrating_check import check_move
from apps.datasets.services.migrating_copy import Copying, count_ready_chunks, pages_of_ids
from apps.datasets.services.spaces import Place, make_place, place_of, source_of, target_of
from apps.datasets.vectorstores.errors import StoreMisconfigured
from providers.services import open_embedding_model
from support.errors import ConsoleError, InvalidInput
from support.jobs import enqueue_on_commit

LEASE = dt.timedelta(seconds=30)
PASSES = 20
CHECKED_PAGE = 1_000
MAX_RETRIES = 6
State = VectorMove.State
OnProgress = Callable[[VectorMove], None]


class MoveTaken(Exception):
    """Somebody else works on the move, or it has ended: stop."""


@transaction.atomic
def start_move(dataset: Dataset, *, store: str = "", model: str = "") -> VectorMove:
    """Begin to move a dataset, or find the move to that place which is under way.

    Raises InvalidInput when it is there already, MoveUnderway, StoreMisconfigured, StoreUnavailable, ModelError.
    """
    dataset = Dataset.objects.select_for_update().get(id=dataset.id)
    target = _target(dataset, store=store, model=model)
    _check_target(target)
    open_move = VectorMove.objects.filter(dataset=dataset, state=State.COPYING).first()
    if open_move is not None:
        if target_of(open_move) == target:
            return open_move
        raise MoveUnderway(
            _("The dataset is already moving to %(to_store)s (%(to_space)s).")
            % {"to_store": open_move.to_store, "to_space": open_move.to_space}
        )
    if place_of(dataset) == target:
        raise InvalidInput(
            _("The dataset is in %(store)s (%(space)s) already.") % {"store": target.store, "space": target.ns.space}
        )
    if any(source_of(left) == target for left in VectorMove.objects.filter(dataset=dataset, state=State.SWITCHED)):
        raise MoveUnderway(_("What the last move left there has not been removed yet. Try again in a few minutes."))
    # A worker may have written there after an earlier move was given up: what is old must not count as copied.
    target.open().drop(target.ns)
    return VectorMove.objects.create(
        team_id=dataset.team_id,
        dataset=dataset,
        from_store=dataset.vector_store,
        from_space=dataset.space,
        from_dim=dataset.dim,
        to_store=target.store,
        to_space=target.ns.space,
        to_dim=target.ns.dim,
        to_model=model or dataset.embedding_model,
        total=count_ready_chunks(dataset.id),
    )


def carry_on(
    move_id: UUID, *, owner: str, seconds: float | None = None, on_progress: OnProgress | None = None
) -> VectorMove:
    """Work on a move, up to its switch or for so many seconds; returns it as it stands then.

    Raises MoveTaken, and what cannot be helped by another try soon: then the move has failed, except for a store or
    model that does not answer.
    """
    move = _claim(move_id, owner=owner)
    until = None if seconds is None else time.monotonic() + seconds
    copying = Copying(move)
    try:
        _work(copying, owner=owner, until=until, on_progress=on_progress)
    except ConsoleError as exc:
        if getattr(exc, "retryable", False):
            _release(move, error=exc)
        else:
            end_move(move, state=State.FAILED, error=exc)
        raise
    return VectorMove.objects.get(id=move.id)


def take_from(move: VectorMove, *, owner: str) -> None:
    """Free the lease of an owner that is known to be dead."""
    VectorMove.objects.filter(id=move.id, state=State.COPYING, lease_owner=owner).update(lease_owner="")


def end_move(move: VectorMove, *, state: str = State.CANCELLED, error: ConsoleError | None = None) -> None:
    """Stop a move that has not switched, and remove what it had copied."""
    changes = {"state": state, "error": error.as_dict() if error else None, "finished_at": timezone.now()}
    if VectorMove.objects.filter(id=move.id, state=State.COPYING).update(**changes, lease_owner="", lease_until=None):
        target = target_of(move)
        target.open().drop(target.ns)


def drop_old(move_id: UUID) -> bool:
    """Remove what a switched move left behind; False when it is not time yet. Safe to repeat."""
    before = timezone.now() - KEEP_OLD
    move = VectorMove.objects.select_related("dataset").filter(id=move_id, state=State.SWITCHED).first()
    if move is None or move.switched_at is None or move.switched_at > before:
        return False
    source = source_of(move)
    if source.ns.space and place_of(move.dataset) != source:
        source.open().drop(source.ns)
    VectorMove.objects.filter(id=move.id).update(state=State.DONE, finished_at=timezone.now())
    return True


def overdue_moves() -> list[tuple[str, UUID]]:
    """The jobs for moves that nobody works on, and for old places whose time has come."""
    now = timezone.now()
    moves = VectorMove.objects.order_by("id")
    begun = Q(lease_until__lt=now) | Q(lease_until=None, started_at__lt=now - LEASE)
    left = moves.filter(begun, state=State.COPYING).values_list("id", flat=True)
    old = moves.filter(state=State.SWITCHED, switched_at__lt=now - KEEP_OLD).values_list("id", flat=True)
    return [
        *(("datasets.move_vectors", move_id) for move_id in left),
        *(("datasets.drop_old_vectors", move_id) for move_id in old),
    ]


def _target(dataset: Dataset, *, store: str, model: str) -> Place:
    if model or not dataset.space:
        embedder = open_embedding_model(model or dataset.embedding_model, team_id=dataset.team_id)
        space, dim = embedder.space, embedder.dim
    else:
        space, dim = dataset.space, dataset.dim
    return make_place(store or dataset.vector_store, dataset.id, space, dim)


def _check_target(target: Place) -> None:
    opened = target.open()
    if not opened.capabilities().durable:
        raise StoreMisconfigured(f"The store {target.store!r} forgets everything with its process.")
    opened.health()
    opened.ensure(target.ns)


def _claim(move_id: UUID, *, owner: str) -> VectorMove:
    now = timezone.now()
    free = Q(lease_owner="") | Q(lease_until__lt=now) | Q(lease_owner=owner)
    mine = VectorMove.objects.filter(free, id=move_id, state=State.COPYING)
    if not mine.update(lease_owner=owner, lease_until=now + LEASE):
        raise MoveTaken
    return VectorMove.objects.select_related("dataset").get(id=move_id)


def _hold(move: VectorMove, **changes: object) -> None:
    """Renew the lease and write progress. Raises MoveTaken."""
    mine = VectorMove.objects.filter(id=move.id, state=State.COPYING, lease_owner=move.lease_owner)
    if not mine.update(lease_until=timezone.now() + LEASE, **changes):
        raise MoveTaken


def _release(move: VectorMove, *, error: ConsoleError | None = None) -> None:
    """Let somebody else go on, or the same one later."""
    VectorMove.objects.filter(id=move.id, lease_owner=move.lease_owner).update(
        lease_owner="", lease_until=timezone.now() + LEASE, error=error.as_dict() if error else None
    )


def _work(copying: Copying, *, owner: str, until: float | None, on_progress: OnProgress | None) -> None:
    move = copying.move
    for page in pages_of_ids(move.dataset_id, after=move.cursor):
        _patiently(move, lambda page=page: copying.copy(copying.missing(page)))  # type: ignore[misc]
        _hold(move, cursor=page[-1], done=F("done") + len(page), error=None)
        if on_progress is not None:
            move.refresh_from_db(fields=["done", "total"])
            on_progress(move)
        if until is not None and time.monotonic() > until:
            _release(move)
            return
    target = target_of(move)
    for _pass in range(PASSES):
        _catch_up(copying)
        target.open().optimise(target.ns)
        _hold(move)
        check_move(move, refused=len(copying.refused))
        if _switch(copying):
            return
    raise MoveUnderway(_("The dataset changes faster than it can be copied. Try again when less is indexed."))


def _catch_up(copying: Copying) -> None:
    """Copy what was indexed behind the cursor, and what could not be mirrored."""
    move = copying.move
    again = _take_redo(move)
    _patiently(move, lambda: copying.copy(again))
    _forget_redo(move, again)
    for page in pages_of_ids(move.dataset_id):
        missing = copying.missing(page)
        if missing:
            _patiently(move, lambda missing=missing: copying.copy(missing))  # type: ignore[misc]
        _hold(move)


def _take_redo(move: VectorMove) -> list[UUID]:
    return [UUID(each) for each in VectorMove.objects.values_list("redo", flat=True).get(id=move.id)]


@transaction.atomic
def _forget_redo(move: VectorMove, done: list[UUID]) -> None:
    if done:
        row = VectorMove.objects.select_for_update().get(id=move.id)
        row.redo = sorted(set(row.redo) - {str(each) for each in done})
        row.save(update_fields=["redo"])


@transaction.atomic
def _switch(copying: Copying) -> bool:
    """Send everybody to the new place, if nothing is missing there; False when something is."""
    # Datasets before runs, here as everywhere, so that nobody waits in a circle.
    dataset = Dataset.objects.select_for_update().get(id=copying.move.dataset_id)
    runs = IndexRun.objects.filter(document__dataset=dataset)
    list(runs.select_for_update(of=("self",)).filter(finished_at=None).order_by("id").values_list("id"))
    move = VectorMove.objects.select_for_update().get(id=copying.move.id)
    if move.state != State.COPYING or move.lease_owner != copying.move.lease_owner:
        raise MoveTaken
    if move.redo or any(copying.missing(page) for page in pages_of_ids(dataset.id, size=CHECKED_PAGE)):
        return False
    now = timezone.now()
    left = place_of(dataset)
    Dataset.objects.filter(id=dataset.id).update(
        vector_store=move.to_store,
        embedding_model=move.to_model,
        space=move.to_space,
        dim=move.to_dim,
        updated_at=now,
    )
    runs.exclude(space="").update(vector_store=move.to_store, space=move.to_space, dim=move.to_dim)
    VectorMove.objects.filter(id=move.id).update(
        state=State.SWITCHED,
        switched_at=now,
        without_vector=len(copying.refused),
        from_store=left.store if left else dataset.vector_store,
        from_space=left.ns.space if left else "",
        from_dim=left.ns.dim if left else 0,
        lease_owner="",
        lease_until=None,
        error=None,
    )
    enqueue_on_commit("datasets.drop_old_vectors", str(move.id), countdown=KEEP_OLD.total_seconds() + 5)
    return True


def _patiently(move: VectorMove, step: Callable[[], None]) -> None:
    """Try again what may work a moment later, while holding on to the move."""
    for attempt in range(MAX_RETRIES):
        try:
            step()
            return
        except ConsoleError as exc:
            if not getattr(exc, "retryable", False) or attempt + 1 == MAX_RETRIES:
                raise
            asked = getattr(exc, "retry_after", None)
            time.sleep(min(20.0, float(asked) if asked else 0.5 * 2.0**attempt))
            _hold(move)
