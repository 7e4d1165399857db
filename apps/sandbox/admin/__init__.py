"""The sandbox's part of the admin: what it refused. How it is stands on a page of its own, under `pages/`."""

from apps.sandbox.admin.refusal import RefusalAdmin

__all__ = ["RefusalAdmin"]
