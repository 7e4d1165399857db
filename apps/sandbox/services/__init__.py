"""Writes of the sandbox app."""

from apps.sandbox.services.refusals import forget_old_refusals, is_refusal, record_refusal

__all__ = ["forget_old_refusals", "is_refusal", "record_refusal"]
