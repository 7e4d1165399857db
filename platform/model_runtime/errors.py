"""How a call to a model fails, by what the reader can do about it.

ConsoleError
└── ModelError                       `retryable` says whether the same call may succeed later
    ├── ProviderUnavailable          yes  network failure, 5xx, overloaded
    │   └── ProviderTimeout          yes  it did not answer in time
    ├── RateLimited                  yes  429; `retry_after` in seconds when the provider said so
    ├── StreamInterrupted            yes  the answer broke off; what had come is in `partial_text`
    ├── InvalidModelReply            yes  the reply is not what the protocol promises
    ├── InsufficientQuota            no   the account behind the key has no credit left
    ├── UnauthorizedProvider         no   the key is wrong or may not use this model
    ├── ProviderMisconfigured        no   address, model name or dimension is wrong: for the operator
    ├── ModelRefused                 no   the model or its content filter declined
    ├── ContextTooLong               no   more text than the model takes
    └── BadModelRequest              no   the provider rejects the parameters: for the workflow's author
"""

from __future__ import annotations

from typing import Any, ClassVar

from support.errors import ConsoleError


class ModelError(ConsoleError):
    """A model call failed. `partial_text` is what had come before; it is never part of the message."""

    code: ClassVar[str] = "model_error"
    http_status: ClassVar[int] = 502
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, partial_text: str = "", **details: Any) -> None:
        super().__init__(message, **details)
        self.partial_text = partial_text


class ProviderUnavailable(ModelError):
    """The provider cannot be reached or is in trouble."""

    code = "provider_unavailable"
    retryable = True


class ProviderTimeout(ProviderUnavailable):
    """The provider did not answer in time."""

    code = "provider_timeout"
    http_status = 504


class RateLimited(ModelError):
    """Too many requests or tokens for this key at the moment."""

    code = "rate_limited"
    http_status = 429
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, **details: Any) -> None:
        if retry_after is not None:
            details["retry_after"] = retry_after
        super().__init__(message, **details)
        self.retry_after = retry_after


class StreamInterrupted(ModelError):
    """The answer broke off before its end."""

    code = "stream_interrupted"
    retryable = True


class InvalidModelReply(ModelError):
    """The provider's reply cannot be understood."""

    code = "invalid_model_reply"
    retryable = True


class InsufficientQuota(ModelError):
    """The account behind the key has no credit left."""

    code = "insufficient_quota"
    http_status = 503


class UnauthorizedProvider(ModelError):
    """The provider refuses the key that the console holds."""

    code = "unauthorized_provider"


class ProviderMisconfigured(ModelError):
    """Address, model name or dimension is wrong."""

    code = "provider_misconfigured"
    http_status = 503


class ModelRefused(ModelError):
    """The model, or a content filter in front of it, declined to answer."""

    code = "model_refused"
    http_status = 422


class ContextTooLong(ModelError):
    """The messages are longer than what the model can take."""

    code = "context_too_long"
    http_status = 422


class BadModelRequest(ModelError):
    """The provider rejects the request's parameters."""

    code = "bad_model_request"
    http_status = 422
