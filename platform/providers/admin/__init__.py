"""Admin pages of providers."""

from providers.admin.credential import ProviderCredentialAdmin

__all__ = ["ProviderCredentialAdmin"]
