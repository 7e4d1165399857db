"""Users, teams (the tenant), memberships and the keys we hand out."""

from accounts.models.api_key import ApiKey
from accounts.models.team import Membership, Role, Team
from accounts.models.user import User

__all__ = ["ApiKey", "Membership", "Role", "Team", "User"]
