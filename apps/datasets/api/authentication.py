"""Programs that work with datasets: who presents a dataset key, and which datasets it opens."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey
from accounts.selectors import api_key_for
from accounts.services import note_key_use
from apps.datasets.models import Dataset
from apps.datasets.selectors.datasets import datasets_of
from apps.datasets.selectors.errors import DatasetNotFound
from support.errors import NotAllowed, NotAuthenticated

READ, WRITE = "datasets:read", "datasets:write"


class DatasetCaller:
    """The program behind a key. A key whose subject is the team opens all of its datasets, any other one dataset."""

    is_authenticated = True
    is_anonymous = False

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        self.team_id = key.team_id
        self.opens_all = key.subject_id == key.team_id

    def datasets(self) -> QuerySet[Dataset]:
        """Those that the key opens, with their counts."""
        every = datasets_of(self.team_id)
        return every if self.opens_all else every.filter(id=self.key.subject_id)

    def open(self, dataset_id: Any) -> Dataset:
        """One of them. Raises DatasetNotFound."""
        found = self.datasets().filter(id=dataset_id).first()
        if found is None:
            raise DatasetNotFound([str(dataset_id)], known=[str(each.id) for each in self.datasets()[:20]])
        return found


class DatasetKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer dataset-...`."""

    def authenticate(self, request: Request) -> tuple[DatasetCaller, ApiKey]:
        """Raises NotAuthenticated: on these paths there is no anonymous access."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotAuthenticated("Send the key as `Authorization: Bearer dataset-...`.")
        key = api_key_for(secret.strip())
        if key.subject_kind != ApiKey.Subject.DATASET:
            raise NotAuthenticated("This key opens no dataset.")
        note_key_use(key)
        return DatasetCaller(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasDatasetScope(BasePermission):
    """Reading takes `datasets:read`, everything else `datasets:write`; a view may say `reads` for a POST that reads."""

    def has_permission(self, request: Request, view: Any) -> bool:
        key: Any = request.auth
        scope = READ if request.method in ("GET", "HEAD", "OPTIONS") or view.reads else WRITE
        if scope not in key.scopes:
            raise NotAllowed(f"This key lacks the scope {scope!r}. Make one that has it.", scope=scope)
        return True
