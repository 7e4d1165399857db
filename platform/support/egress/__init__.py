"""The one guarded HTTP door: every request to an address that somebody typed in leaves through here.

The name is resolved here, each address is checked, and the connection goes to an address that passed; so a
name that answers differently the second time (DNS rebinding) gains nothing. Every redirect is a new request
through the same check. TLS still verifies the name, because only the socket is pinned, not the URL.
"""

from support.egress.policy import EgressPolicy, EgressRefused, Rule, host_and_port, policy_from_env
from support.egress.transport import GuardedTransport, open_client, read_bounded

__all__ = [
    "EgressPolicy",
    "EgressRefused",
    "GuardedTransport",
    "Rule",
    "host_and_port",
    "open_client",
    "policy_from_env",
    "read_bounded",
]
