"""What the sandbox refused to let code do."""

from apps.sandbox.models.refusal import Refusal

__all__ = ["Refusal"]
