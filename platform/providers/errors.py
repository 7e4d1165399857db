"""How choosing a model fails.

ConsoleError
└── ModelNotFound   404   no provider of the team, nor of the installation, serves the name
"""

from __future__ import annotations

from collections.abc import Sequence

from support.errors import NotFound


class ModelNotFound(NotFound):
    """Providers exist, but none of them serves this name; the message lists what there is."""

    code = "model_not_found"

    def __init__(self, name: str, *, available: Sequence[str]) -> None:
        listed = ", ".join(available) or "none"
        super().__init__(f"No provider serves the model {name!r}. There is: {listed}.", model=name)
        self.available = tuple(available)
