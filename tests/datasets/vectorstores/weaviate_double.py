"""A server that speaks Weaviate's wire protocol, as far as a vector store needs it, and stores and searches for real.

REST for classes, properties and tenants; gRPC, with the messages that ship in weaviate-client, for objects, searches,
counts and deletions. It is as strict as the real one where the adapter depends on it: a filter on a property that the
class lacks, an integer compared with a number property, and an unknown tenant are errors.
"""

from __future__ import annotations

import json
import re
import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import numpy as np
from weaviate.proto.v1.v6300.v1 import (
    aggregate_pb2,
    base_pb2,
    batch_delete_pb2,
    batch_pb2,
    health_weaviate_pb2,
    properties_pb2,
    search_get_pb2,
    tenants_pb2,
    weaviate_pb2_grpc,
)

VERSION = "1.32.4"
TYPES = {"text": str, "number": float, "boolean": bool}
Operator = base_pb2.Filters.Operator


@dataclass(slots=True)
class Stored:
    """One object of a tenant."""

    id: uuid.UUID
    properties: dict[str, Any]
    vector: np.ndarray


@dataclass(slots=True)
class Class:
    """A class: its definition as the server gives it back, and its tenants."""

    schema: dict[str, Any]
    tenants: dict[str, dict[uuid.UUID, Stored]] = field(default_factory=dict)

    def type_of(self, name: str) -> str:
        """The data type of a property; KeyError for an unknown one."""
        return {each["name"]: each["dataType"][0] for each in self.schema["properties"]}[name]


class Refused(Exception):
    """The call cannot be carried out."""


class Classes:
    """All there is, and the answers to what is asked about it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.classes: dict[str, Class] = {}

    def tenant(self, name: str, tenant: str) -> tuple[Class, dict[uuid.UUID, Stored]]:
        found = self.classes.get(name)
        if found is None:
            raise Refused(f"could not find class {name} in schema")
        if tenant not in found.tenants:
            raise Refused(f'tenant not found: "{tenant}"')
        return found, found.tenants[tenant]

    def selected(self, name: str, tenant: str, filters: base_pb2.Filters | None) -> list[Stored]:
        """The objects of a tenant that fulfil the filter, in order of their ids."""
        of, held = self.tenant(name, tenant)
        if filters is not None:
            _check(of, filters)
        objects = sorted(held.values(), key=lambda each: each.id.bytes)
        return objects if filters is None else [each for each in objects if _holds(of, filters, each)]


def _check(of: Class, asked: base_pb2.Filters) -> None:
    """Refuse what the server refuses, whatever is stored."""
    for part in asked.filters:
        _check(of, part)
    name = _name(asked)
    if name in ("", "_id", "id"):
        return
    try:
        kind = of.type_of(name)
    except KeyError:
        raise Refused(f"no such prop with name '{name}' found in class") from None
    if asked.operator == Operator.OPERATOR_IS_NULL:
        return
    wanted = _value(asked)
    for each in wanted if isinstance(wanted, list) else [wanted]:
        if type(each) is not TYPES[kind]:
            raise Refused(f"data type filter cannot use {type(each).__name__} on type {kind}")


def _name(asked: base_pb2.Filters) -> str:
    return asked.target.property or (asked.on[0] if asked.on else "")


def _holds(of: Class, asked: base_pb2.Filters, found: Stored) -> bool:
    if asked.operator == Operator.OPERATOR_AND:
        return all(_holds(of, part, found) for part in asked.filters)
    if asked.operator == Operator.OPERATOR_OR:
        return any(_holds(of, part, found) for part in asked.filters)
    name, wanted = _name(asked), _value(asked)
    if name in ("_id", "id"):
        return str(found.id) in (wanted if isinstance(wanted, list) else [wanted])
    value = found.properties.get(name)
    if asked.operator == Operator.OPERATOR_IS_NULL:
        return (value is None) == wanted
    return value is not None and _compares(asked.operator, value, wanted)


def _compares(operator: Any, value: Any, wanted: Any) -> bool:
    answers: dict[Any, Callable[[], bool]] = {
        Operator.OPERATOR_EQUAL: lambda: value == wanted,
        Operator.OPERATOR_NOT_EQUAL: lambda: value != wanted,
        Operator.OPERATOR_GREATER_THAN: lambda: value > wanted,
        Operator.OPERATOR_GREATER_THAN_EQUAL: lambda: value >= wanted,
        Operator.OPERATOR_LESS_THAN: lambda: value < wanted,
        Operator.OPERATOR_LESS_THAN_EQUAL: lambda: value <= wanted,
        Operator.OPERATOR_CONTAINS_ANY: lambda: value in wanted,
    }
    if operator not in answers:
        raise Refused(f"operator {operator} is not known here")
    return answers[operator]()


def _value(asked: base_pb2.Filters) -> Any:
    kind = asked.WhichOneof("test_value")
    value = getattr(asked, str(kind)) if kind else None
    return list(value.values) if kind and kind.endswith("_array") else value


def _numbers(message: Any) -> np.ndarray:
    packed = message.vectors[0].vector_bytes if message.vectors else message.vector_bytes
    return np.asarray(struct.unpack(f"<{len(packed) // 4}f", packed), dtype=np.float32)


class Servicer(weaviate_pb2_grpc.WeaviateServicer):
    """The gRPC side."""

    def __init__(self, classes: Classes) -> None:
        self.classes = classes

    def BatchObjects(self, request: Any, context: Any) -> Any:  # noqa: N802
        reply = batch_pb2.BatchObjectsReply()
        with self.classes.lock:
            for index, given in enumerate(request.objects):
                try:
                    of, held = self.classes.tenant(given.collection, given.tenant)
                    properties = dict(given.properties.non_ref_properties)
                    for name, value in properties.items():
                        if type(value) is not TYPES[of.type_of(name)]:
                            raise Refused(f"invalid {of.type_of(name)} property '{name}'")
                    key = uuid.UUID(given.uuid)
                    held[key] = Stored(id=key, properties=properties, vector=_numbers(given))
                except (Refused, KeyError) as exc:
                    reply.errors.add(index=index, error=str(exc))
        return reply

    def BatchDelete(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self.classes.lock, _refusing(context):
            found = self.classes.selected(request.collection, request.tenant, request.filters)
            _, held = self.classes.tenant(request.collection, request.tenant)
            for each in found:
                del held[each.id]
        return batch_delete_pb2.BatchDeleteReply(matches=len(found), successful=len(found), failed=0)

    def Search(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self.classes.lock, _refusing(context):
            filters = request.filters if request.HasField("filters") else None
            found = self.classes.selected(request.collection, request.tenant, filters)
        scored: list[tuple[Stored, float | None]] = [(each, None) for each in found]
        if request.HasField("near_vector"):
            scored = _nearest(found, _numbers(request.near_vector))
        if request.after:
            scored = [pair for pair in scored if pair[0].id.bytes > uuid.UUID(request.after).bytes]
        limit = request.limit or 10
        return search_get_pb2.SearchReply(
            results=[_result(request, each, distance) for each, distance in scored[:limit]]
        )

    def Aggregate(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self.classes.lock, _refusing(context):
            filters = request.filters if request.HasField("filters") else None
            found = self.classes.selected(request.collection, request.tenant, filters)
        return aggregate_pb2.AggregateReply(single_result=aggregate_pb2.AggregateReply.Single(objects_count=len(found)))

    def TenantsGet(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self.classes.lock:
            of = self.classes.classes.get(request.collection)
            names = set(request.names.values) if request.HasField("names") else None
            known = [name for name in (of.tenants if of else ()) if names is None or name in names]
        hot = tenants_pb2.TENANT_ACTIVITY_STATUS_HOT
        return tenants_pb2.TenantsGetReply(tenants=[{"name": name, "activity_status": hot} for name in known])


def _nearest(found: list[Stored], query: np.ndarray) -> list[tuple[Stored, float | None]]:
    lengths = [float(np.linalg.norm(each.vector) * np.linalg.norm(query)) for each in found]
    pairs = [
        (each, 1.0 - float(np.dot(each.vector, query)) / length) for each, length in zip(found, lengths, strict=True)
    ]
    # No order among equals, as with a graph: the adapter has to see to it.
    return sorted(pairs, key=lambda pair: (round(pair[1], 6), hash(pair[0].id)))


def _result(request: Any, found: Stored, distance: float | None) -> Any:
    metadata = search_get_pb2.MetadataResult(id=str(found.id), id_as_bytes=found.id.bytes)
    if request.metadata.vector:
        metadata.vector_bytes = found.vector.astype("<f4").tobytes()
    if distance is not None and request.metadata.distance:
        metadata.distance, metadata.distance_present = distance, True
    names = request.properties.non_ref_properties
    fields = {
        name: properties_pb2.Value(text_value=value)
        for name, value in found.properties.items()
        if name in names and isinstance(value, str)
    }
    shown = search_get_pb2.PropertiesResult(
        non_ref_props=properties_pb2.Properties(fields=fields), target_collection=request.collection
    )
    return search_get_pb2.SearchResult(metadata=metadata, properties=shown)


@contextmanager
def _refusing(context: Any) -> Iterator[None]:
    try:
        yield
    except Refused as exc:
        context.abort(grpc.StatusCode.UNKNOWN, str(exc))


class Handler(BaseHTTPRequestHandler):
    """The REST side."""

    classes: Classes

    def do_GET(self) -> None:
        if self.path.startswith("/v1/meta"):
            self._answer(200, {"version": VERSION, "hostname": "double", "modules": {}})
        elif self.path.startswith("/v1/.well-known/"):
            self._answer(404 if "openid" in self.path else 200, None)
        elif match := re.fullmatch(r"/v1/schema/(\w+)", self.path):
            found = self.classes.classes.get(match[1])
            self._answer(200, found.schema) if found else self._answer(404, None)
        else:
            self._answer(404, None)

    def do_HEAD(self) -> None:
        match = re.fullmatch(r"/v1/schema/(\w+)/tenants/([\w-]+)", self.path)
        found = self.classes.classes.get(match[1]) if match else None
        self._answer(200 if match and found and match[2] in found.tenants else 404, None)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.classes.lock:
            if self.path == "/v1/schema":
                self._make_class(body)
                return
            match = re.fullmatch(r"/v1/schema/(\w+)/(properties|tenants)", self.path)
            found = self.classes.classes.get(match[1]) if match else None
            if match is None or found is None:
                self._answer(404, None)
            elif match[2] == "tenants":
                for tenant in body:
                    found.tenants.setdefault(tenant["name"], {})
                self._answer(200, body)
            else:
                self._add_property(found, body)

    def do_DELETE(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "[]")
        match = re.fullmatch(r"/v1/schema/(\w+)/tenants", self.path)
        with self.classes.lock:
            for tenant in body if match else []:
                self.classes.classes[match[1]].tenants.pop(tenant, None)
        self._answer(200 if match else 404, None)

    def log_message(self, format: str, *args: Any) -> None:
        """Quietly."""

    def _make_class(self, given: dict[str, Any]) -> None:
        if given["class"] in self.classes.classes:
            self._answer(422, {"error": [{"message": f"class name {given['class']} already exists"}]})
            return
        schema = {
            **given,
            "properties": [_property(each) for each in given["properties"]],
            "replicationConfig": {"factor": 1, "asyncEnabled": False},
            "shardingConfig": {},
        }
        self.classes.classes[given["class"]] = Class(schema=schema)
        self._answer(200, schema)

    def _add_property(self, found: Class, given: dict[str, Any]) -> None:
        if any(each["name"] == given["name"] for each in found.schema["properties"]):
            self._answer(422, {"error": [{"message": f"property {given['name']} already exists"}]})
            return
        found.schema["properties"].append(_property(given))
        self._answer(200, _property(given))

    def _answer(self, status: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _property(given: dict[str, Any]) -> dict[str, Any]:
    """A property with the defaults that a server fills in."""
    text = given["dataType"] == ["text"]
    defaults = {"indexFilterable": True, "indexSearchable": text, "indexRangeFilters": False, "moduleConfig": {}}
    return defaults | ({"tokenization": "word"} if text else {}) | given


@contextmanager
def running_double() -> Iterator[tuple[str, str]]:
    """Run a server; gives its addresses for REST and for gRPC."""
    classes = Classes()
    handler = type("DoubleHandler", (Handler,), {"classes": classes, "protocol_version": "HTTP/1.1"})
    rest = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    rest.daemon_threads = True
    thread = threading.Thread(target=rest.serve_forever, daemon=True)
    thread.start()
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(Servicer(classes), server)
    server.add_generic_rpc_handlers((_health(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{rest.server_address[1]}", f"http://127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
        rest.shutdown()
        rest.server_close()
        thread.join()


def _health() -> grpc.GenericRpcHandler:
    serving = health_weaviate_pb2.WeaviateHealthCheckResponse.SERVING
    return grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health",
        {
            "Check": grpc.unary_unary_rpc_method_handler(
                lambda request, context: health_weaviate_pb2.WeaviateHealthCheckResponse(status=serving),
                request_deserializer=health_weaviate_pb2.WeaviateHealthCheckRequest.FromString,
                response_serializer=health_weaviate_pb2.WeaviateHealthCheckResponse.SerializeToString,
            )
        },
    )
