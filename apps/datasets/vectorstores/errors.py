"""How a vector store fails, by what the caller can do about it.

ConsoleError
└── VectorStoreError
    ├── StoreUnavailable      retryable: the store does not answer; the same call may succeed later
    ├── StoreRefused          permanent: the store rejects this call, and will again
    │   ├── BadVector         wrong length, not a number, or all zeros; nothing was written
    │   └── UnknownFilter     a filter that the store cannot apply; never ignored silently
    └── StoreMisconfigured    for the operator: no such store, a missing extension
"""

from __future__ import annotations

from typing import ClassVar

from support.errors import ConsoleError


class VectorStoreError(ConsoleError):
    """A vector store failed. `retryable` says whether the same call may succeed later."""

    code: ClassVar[str] = "vector_store_error"
    retryable: ClassVar[bool] = False


class StoreUnavailable(VectorStoreError):
    """The store does not answer."""

    code = "vector_store_unavailable"
    http_status = 503
    retryable = True


class StoreRefused(VectorStoreError):
    """The store rejects this call, and will again."""

    code = "vector_store_refused"


class BadVector(StoreRefused):
    """Wrong length, not a number, or all zeros."""

    code = "bad_vector"


class UnknownFilter(StoreRefused):
    """A filter that cannot be applied."""

    code = "unknown_filter"


class StoreMisconfigured(VectorStoreError):
    """For the operator: the store is not set up."""

    code = "vector_store_misconfigured"
    http_status = 503
