"""What the views of the datasets API share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.datasets.api.authentication import DatasetCaller, DatasetKeyAuthentication, HasDatasetScope
from apps.datasets.models import Dataset, Document
from apps.datasets.selectors.documents import open_document
from apps.datasets.selectors.errors import DocumentNotFound
from support.api import JsonObjectParser, number_of
from support.errors import InvalidInput

MAX_PAGE = 100_000


class DatasetView(APIView):
    """A view of `/v1/datasets`, opened by a dataset key."""

    authentication_classes = [DatasetKeyAuthentication]
    permission_classes = [HasDatasetScope]
    parser_classes = [JsonObjectParser]
    reads = False

    def caller(self) -> DatasetCaller:
        """Who asks."""
        return cast(DatasetCaller, self.request.user)

    def dataset(self, dataset_id: Any) -> Dataset:
        """A dataset that the key opens. Raises DatasetNotFound."""
        return self.caller().open(dataset_id)

    def document(self, dataset_id: Any, document_id: Any) -> Document:
        """A document of such a dataset. Raises DatasetNotFound, DocumentNotFound."""
        dataset = self.dataset(dataset_id)
        document = open_document(document_id, team_id=dataset.team_id)
        if document.dataset_id != dataset.id:
            raise DocumentNotFound("There is no such document; it may have been deleted.")
        return document


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; empty where nothing was."""
    return request.data if isinstance(request.data, dict) else {}


def text_in(body: dict[str, Any], name: str, *, most: int, required: bool = False) -> str:
    """A text of the body; empty where it is left out. Raises InvalidInput."""
    value = body.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or len(value) > most or (required and not value.strip()):
        raise InvalidInput(f"{name} must be a text of 1 to {most:,} characters.", path=f"/{name}")
    return value.replace("\x00", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOfList:
    """Which part of a list a request wants."""

    page: int
    limit: int
    total: int

    @property
    def start(self) -> int:
        """The first one of it."""
        return (self.page - 1) * self.limit

    @property
    def stop(self) -> int:
        """The first one after it."""
        return self.start + self.limit

    def as_dict(self) -> dict[str, Any]:
        """As clients read it."""
        return {"has_more": self.stop < self.total, "limit": self.limit, "total": self.total, "page": self.page}


def page_of(request: Request, *, total: int) -> PageOfList:
    """The part that `page` and `limit` name. Raises InvalidInput."""
    page = number_of(request.query_params.get("page", "1"), name="page", most=MAX_PAGE)
    limit = number_of(request.query_params.get("limit", "20"), name="limit", most=100)
    return PageOfList(page=page, limit=limit, total=total)


def paged(request: Request, found: QuerySet[Any], shape: Any, **more: Any) -> Response:
    """One page of a list in the shape that clients know. Raises InvalidInput."""
    page = page_of(request, total=found.count())
    data = [shape(each) for each in found[page.start : page.stop]]
    return Response({"data": data, **more, **page.as_dict()})
