"""The calculator tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.workflows.adapters.tools.arithmetic import MAX_CHARS, NotArithmetic, as_digits, as_number, calculate
from apps.workflows.adapters.tools.tool import parameters
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.tool_port import ToolInfo, ToolResult


class Calculator:
    """Works out arithmetic, exactly where decimal numbers allow it."""

    info = ToolInfo(
        name="builtin/calculator",
        label="Calculator",
        description=(
            "Works out an arithmetic expression: numbers, + - * / // % ^, brackets, pi, e, and the functions abs, "
            "sqrt, exp, ln, log, log10, round, floor, ceil, min, max, sum, sin, cos, tan."
        ),
        parameters=parameters(
            {
                "expression": {
                    "type": "string",
                    "maxLength": MAX_CHARS,
                    "description": "For example round(1299 * 1.19, 2).",
                }
            },
            required=("expression",),
        ),
    )

    async def call(self, given: Mapping[str, Any], *, key: str) -> ToolResult:
        """The result. Raises NodeFailure."""
        try:
            value = calculate(given["expression"])
        except NotArithmetic as exc:
            raise NodeFailure("tool_failed", str(exc)) from exc
        return ToolResult(text=as_digits(value), json={"result": as_number(value)})
