"""What other packages may do with providers."""

from providers.selectors import default_chat_model_name, default_embedding_model_name, list_models
from providers.services.checking import check_credential
from providers.services.credentials import rotate_encryption_keys, store_credential
from providers.services.opening import (
    OpenedChat,
    open_chat,
    open_chat_model,
    open_embedding_model,
    open_rerank_model,
)

__all__ = [
    "OpenedChat",
    "check_credential",
    "default_chat_model_name",
    "default_embedding_model_name",
    "list_models",
    "open_chat",
    "open_chat_model",
    "open_embedding_model",
    "open_rerank_model",
    "rotate_encryption_keys",
    "store_credential",
]
