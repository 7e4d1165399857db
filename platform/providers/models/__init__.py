"""Tables of providers."""

from providers.models.credential import ProviderCredential, ProviderKind
from providers.models.price import ModelPrice
from providers.models.secret import HoldsSecret

__all__ = ["HoldsSecret", "ModelPrice", "ProviderCredential", "ProviderKind"]
