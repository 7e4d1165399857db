"""Tables of providers."""

from providers.models.credential import ProviderCredential, ProviderKind
from providers.models.secret import HoldsSecret

__all__ = ["HoldsSecret", "ProviderCredential", "ProviderKind"]
