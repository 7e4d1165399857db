"""Tables of providers."""

from providers.models.credential import ProviderCredential, ProviderKind

__all__ = ["ProviderCredential", "ProviderKind"]
