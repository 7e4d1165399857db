"""Admin pages of accounts."""

from accounts.admin.api_key import ApiKeyAdmin
from accounts.admin.team import TeamAdmin
from accounts.admin.user import PersonAdmin

__all__ = ["ApiKeyAdmin", "PersonAdmin", "TeamAdmin"]
