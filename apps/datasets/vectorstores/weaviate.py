"""Vectors in Weaviate: one class per space, one tenant per dataset. A server bears few classes and many tenants.

A tenant is a shard of its own, so no search looks at another dataset. Every payload key becomes a property for each
type of value it has had; a filter that asks for a property which the class does not have is answered here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from grpc import RpcError, StatusCode

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # a library of the client's warns of its own future while it is imported
    import weaviate as client_library
    from weaviate.classes.init import AdditionalConfig, Auth, Timeout
    from weaviate.classes.query import MetadataQuery
    from weaviate.exceptions import (
        AuthenticationFailedError,
        UnexpectedStatusCodeError,
        WeaviateBaseError,
        WeaviateInvalidInputError,
    )

from apps.datasets.vectorstores.errors import StoreMisconfigured, StoreRefused, StoreUnavailable
from apps.datasets.vectorstores.fields import collection_name, typed_fields
from apps.datasets.vectorstores.filters import Filter, check_filter
from apps.datasets.vectorstores.normal import Normal, fields_of, known_only, normal_form
from apps.datasets.vectorstores.protocol import (
    Capabilities,
    Hit,
    Namespace,
    Record,
    check_one_criterion,
    check_vectors,
)
from apps.datasets.vectorstores.ranking import best
from apps.datasets.vectorstores.weaviate_wire import SHOWN, asked, class_of, hit_of, object_of, property_of, record_of

BATCH = 256
MOST_HITS = 10_000
"""What a server returns, or deletes, at most for one call unless it is told otherwise."""
GRPC_PORT = 50051


class WeaviateStore:
    """Through the client of Weaviate."""

    def __init__(self, client: client_library.WeaviateClient) -> None:
        self._client = client
        self._properties: dict[str, set[str]] = {}
        self._tenants: set[tuple[str, str]] = set()

    def capabilities(self) -> Capabilities:
        """Filters."""
        return Capabilities(name="weaviate", durable=True, filters=True, text_search=False)

    def health(self) -> None:
        """Whether the server is ready."""
        with _translated():
            if not self._client.is_ready():
                raise StoreUnavailable("Weaviate is not ready.")

    def ensure(self, ns: Namespace) -> None:
        """Make the class of the namespace's space, and the dataset's tenant in it."""
        if self._has(ns):
            return
        name = collection_name(ns)
        with _translated():
            if not self._client.collections.exists(name):
                with _made_by_another():
                    self._client.collections.create_from_dict(class_of(ns))
            with _made_by_another():
                self._client.collections.use(name).tenants.create(str(ns.dataset_id))
        self._tenants.add((name, str(ns.dataset_id)))

    def exists(self, ns: Namespace) -> bool:
        """Whether the namespace holds anything."""
        return self.count(ns) > 0

    def drop(self, ns: Namespace) -> None:
        """Remove the dataset's tenant with everything in it; the class is shared and stays."""
        if self._has(ns):
            with _translated():
                self._client.collections.use(collection_name(ns)).tenants.remove([str(ns.dataset_id)])
            self._tenants.discard((collection_name(ns), str(ns.dataset_id)))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def is_optimised(self, ns: Namespace) -> bool:
        """Always: see `optimise`."""
        return True

    def optimise(self, ns: Namespace) -> None:
        """Weaviate builds its indexes by itself."""

    def upsert(self, ns: Namespace, records: Sequence[Record]) -> int:
        """Write records; what the server did not take raises."""
        check_vectors(ns, [record.vector for record in records])
        if not records:
            return 0
        self.ensure(ns)
        unique = list({record.id: record for record in records}.values())
        self._make_properties(ns, unique)
        for start in range(0, len(unique), BATCH):
            with self._in(ns) as tenant:
                answer = tenant.data.insert_many([object_of(record) for record in unique[start : start + BATCH]])
            if answer.has_errors:
                raise StoreUnavailable(f"Weaviate did not take {len(answer.errors)} of {len(unique)} vectors.")
        return len(unique)

    def delete(
        self,
        ns: Namespace,
        *,
        ids: Sequence[UUID] | None = None,
        document_ids: Sequence[UUID] | None = None,
        where: Filter | None = None,
    ) -> int:
        """Delete by exactly one criterion, as often as the server's limit for one call asks for."""
        check_one_criterion(ids, document_ids, where)
        form = self._form(ns, where)
        if form is False or (where is None and not (ids or document_ids)) or not self._has(ns):
            return 0
        if form is True and where is not None:
            return self._delete_all(ns)
        condition, gone = asked(form, ids=ids, document_ids=document_ids), 0
        while True:
            with self._in(ns) as tenant:
                answer = tenant.data.delete_many(where=condition)
            if answer.failed:
                raise StoreUnavailable(f"Weaviate did not delete {answer.failed} of {answer.matches} vectors.")
            gone += int(answer.successful)
            if not answer.successful or answer.matches < MOST_HITS:
                return gone

    def search(
        self,
        ns: Namespace,
        vector: Sequence[float],
        k: int,
        *,
        where: Filter | None = None,
        document_ids: Sequence[UUID] | None = None,
        min_score: float | None = None,
    ) -> list[Hit]:
        """The k nearest of the tenant."""
        check_vectors(ns, [vector])
        form = self._form(ns, where)
        if form is False or (document_ids is not None and not document_ids) or not self._has(ns):
            return []
        condition = asked(form, document_ids=document_ids)
        hits = best(lambda limit: self._near(ns, vector, min(limit, MOST_HITS), condition), k)
        return [hit for hit in hits if min_score is None or hit.score >= min_score]

    def count(self, ns: Namespace, *, where: Filter | None = None) -> int:
        """How many records there are."""
        form = self._form(ns, where)
        if form is False or not self._has(ns):
            return 0
        with self._in(ns) as tenant:
            return int(tenant.aggregate.over_all(total_count=True, filters=asked(form)).total_count or 0)

    def held(self, ns: Namespace, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these ids are there."""
        return {record.id for record in self._get(ns, ids, vectors=False)}

    def fetch(self, ns: Namespace, ids: Sequence[UUID]) -> list[Record]:
        """The records of these ids."""
        return sorted(self._get(ns, ids, vectors=True), key=lambda record: record.id)

    def iterate(self, ns: Namespace, *, batch: int = 500, vectors: bool = True) -> Iterator[list[Record]]:
        """All records, page by page."""
        after: UUID | None = None
        while self._has(ns):
            with self._in(ns) as tenant:
                page = tenant.query.fetch_objects(
                    limit=batch, after=after, include_vector=vectors, return_properties=SHOWN
                ).objects
            if not page:
                return
            yield [record_of(found) for found in page]
            after = page[-1].uuid

    def _has(self, ns: Namespace) -> bool:
        name, tenant = collection_name(ns), str(ns.dataset_id)
        if (name, tenant) not in self._tenants:
            with _translated():
                if not self._client.collections.exists(name):
                    return False
                if not self._client.collections.use(name).tenants.exists(tenant):
                    return False
            self._tenants.add((name, tenant))
        return True

    @contextmanager
    def _in(self, ns: Namespace) -> Iterator[Any]:
        """The dataset's tenant. After an error it is looked for again: another process may have dropped it."""
        try:
            with _translated():
                yield self._client.collections.use(collection_name(ns)).with_tenant(str(ns.dataset_id))
        except StoreUnavailable:
            self._tenants.discard((collection_name(ns), str(ns.dataset_id)))
            raise

    def _near(self, ns: Namespace, vector: Sequence[float], limit: int, condition: Any) -> list[Hit]:
        with self._in(ns) as tenant:
            found = tenant.query.near_vector(
                [float(value) for value in vector],
                limit=limit,
                filters=condition,
                return_metadata=MetadataQuery(distance=True),
                return_properties=SHOWN,
            )
        return [hit_of(each) for each in found.objects]

    def _get(self, ns: Namespace, ids: Sequence[UUID], *, vectors: bool) -> list[Record]:
        records: list[Record] = []
        for start in range(0, len(ids) if self._has(ns) else 0, BATCH):
            some = ids[start : start + BATCH]
            with self._in(ns) as tenant:
                found = tenant.query.fetch_objects(
                    filters=asked(True, ids=some), limit=len(some), include_vector=vectors, return_properties=SHOWN
                )
            records += [record_of(each) for each in found.objects]
        return records

    def _delete_all(self, ns: Namespace) -> int:
        gone = self.count(ns)
        self.drop(ns)
        self.ensure(ns)
        return gone

    def _form(self, ns: Namespace, where: Filter | None) -> Normal | bool:
        """The filter in normal form, without the properties that the class does not have."""
        check_filter(where)
        form = normal_form(where)
        if isinstance(form, bool) or not self._has(ns):
            return form
        # Another process may have added some, so what seems unknown is looked up anew.
        is_new = not fields_of(form) <= self._known(ns, anew=False)
        return known_only(form, self._known(ns, anew=is_new))

    def _known(self, ns: Namespace, *, anew: bool) -> set[str]:
        name = collection_name(ns)
        if anew or name not in self._properties:
            with _translated():
                config = self._client.collections.use(name).config.get(simple=True)
            self._properties[name] = {each.name for each in config.properties}
        return self._properties[name]

    def _make_properties(self, ns: Namespace, records: Sequence[Record]) -> None:
        needed = {field for record in records for field in typed_fields(record.payload)}
        missing = needed - self._known(ns, anew=False)
        if missing:
            for field in sorted(missing - self._known(ns, anew=True)):
                with _translated(), _made_by_another():
                    self._client.collections.use(collection_name(ns)).config.add_property(property_of(field))
                self._properties[collection_name(ns)].add(field)


def open_store() -> WeaviateStore:
    """At `WEAVIATE_URL`; gRPC at `WEAVIATE_GRPC_URL`, else on the same host at its usual port."""
    if not settings.WEAVIATE_URL:
        raise StoreMisconfigured("WEAVIATE_URL is not set: give the address of the Weaviate server.")
    return connect(settings.WEAVIATE_URL, grpc_url=settings.WEAVIATE_GRPC_URL, api_key=settings.WEAVIATE_API_KEY)


def connect(url: str, *, grpc_url: str = "", api_key: str = "") -> WeaviateStore:
    """A store at these addresses."""
    http = urlsplit(url)
    grpc = urlsplit(grpc_url or f"{http.scheme}://{http.hostname}:{GRPC_PORT}")
    if http.scheme not in ("http", "https") or not http.hostname or not grpc.hostname:
        raise StoreMisconfigured("WEAVIATE_URL has to begin with http:// or https://.")
    with _translated():
        return WeaviateStore(
            client_library.connect_to_custom(
                http_host=http.hostname,
                http_port=http.port or (443 if http.scheme == "https" else 80),
                http_secure=http.scheme == "https",
                grpc_host=grpc.hostname,
                grpc_port=grpc.port or GRPC_PORT,
                grpc_secure=grpc.scheme == "https",
                auth_credentials=Auth.api_key(api_key) if api_key else None,
                additional_config=AdditionalConfig(timeout=Timeout(init=10, query=30, insert=60)),
            )
        )


@contextmanager
def _made_by_another() -> Iterator[None]:
    """What is there already need not be made."""
    try:
        yield
    except UnexpectedStatusCodeError as exc:
        if exc.status_code not in (409, 422) or "exist" not in str(exc):
            raise
    except WeaviateInvalidInputError as exc:
        if "exist" not in str(exc):
            raise


@contextmanager
def _translated() -> Iterator[None]:
    """The client's errors in the protocol's words; never its message, which may hold an address or a key."""
    try:
        yield
    except AuthenticationFailedError as exc:
        raise StoreMisconfigured("Weaviate refuses the key: check WEAVIATE_API_KEY.") from exc
    except UnexpectedStatusCodeError as exc:
        if exc.status_code in (401, 403):
            raise StoreMisconfigured("Weaviate refuses the key: check WEAVIATE_API_KEY.") from exc
        if exc.status_code == 429 or exc.status_code >= 500:
            raise StoreUnavailable(f"Weaviate answers with status {exc.status_code}.") from exc
        raise StoreRefused(f"Weaviate refused the call with status {exc.status_code}.") from exc
    except WeaviateBaseError as exc:
        cause = exc.__cause__
        if isinstance(exc, WeaviateInvalidInputError) or (
            isinstance(cause, RpcError) and getattr(cause, "code", lambda: None)() == StatusCode.INVALID_ARGUMENT
        ):
            raise StoreRefused(f"Weaviate refused the call ({type(exc).__name__}).") from exc
        raise StoreUnavailable(f"Weaviate does not answer as it should ({type(exc).__name__}).") from exc
    except (RpcError, OSError) as exc:
        raise StoreUnavailable(f"Weaviate does not answer ({type(exc).__name__}).") from exc
