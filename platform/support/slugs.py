"""Short names in addresses, in any alphabet."""

from __future__ import annotations

from django.urls import register_converter


class AnySlug:
    """Letters of any alphabet, digits, hyphens and underscores."""

    regex = r"[-\w]+"

    def to_python(self, value: str) -> str:
        """The name as it is."""
        return value

    def to_url(self, value: str) -> str:
        """The name as it is: addresses quote it."""
        return value


register_converter(AnySlug, "anyslug")
