"""Admin pages of providers."""

from providers.admin.credential import ProviderCredentialAdmin
from providers.admin.price import ModelPriceAdmin

__all__ = ["ModelPriceAdmin", "ProviderCredentialAdmin"]
