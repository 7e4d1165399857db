"""Rendering a Jinja2 template inside a child.

The process is the boundary. Jinja2's own sandbox comes on top, so that a template that reaches for Python's insides
is told no in words rather than by what the machine refuses.
"""

from __future__ import annotations

from typing import Any

FILE = "template"
PROFILE = "template"
"""The profile whose children rehearse a template too: what most of its runs are."""
_REHEARSAL = "{% for a in b %}{{ a.c|upper }}{% if loop.last %}{{ '%.1f' % 1 }}{% endif %}{% endfor %}"


class TemplateFailed(Exception):
    """The template cannot be rendered; says why, and on which of its lines where that is known."""

    def __init__(self, kind: str, message: str, line: int | None) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.kind = kind


def warm_up() -> bool:
    """Import Jinja2 and render something, so that a run finds everything in place. False if it is not there."""
    try:
        from jinja2.sandbox import SandboxedEnvironment
    except ImportError:
        return False
    SandboxedEnvironment().from_string(_REHEARSAL).render(b=[{"c": "d"}])
    return True


def render(source: str, variables: dict[str, Any]) -> str:
    """Render the template; raises TemplateFailed for whatever Jinja2 or the template itself raises."""
    try:
        from jinja2 import TemplateError, TemplateSyntaxError
        from jinja2.sandbox import SandboxedEnvironment
    except ImportError:
        raise TemplateFailed("TemplateUnavailable", "this profile has no Jinja2", None) from None
    try:
        return SandboxedEnvironment().from_string(source).render(variables)
    except TemplateSyntaxError as error:
        raise TemplateFailed(type(error).__name__, error.message or "syntax error", error.lineno) from None
    except TemplateError as error:
        raise TemplateFailed(type(error).__name__, error.message or "", _line(error)) from None
    except Exception as error:  # noqa: BLE001 - a template may run into any exception of its filters and values
        raise TemplateFailed(type(error).__name__, str(error), _line(error)) from None


def _line(error: BaseException) -> int | None:
    """The template's line in which the error came up: Jinja2 rewrites its tracebacks to those."""
    line = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == "<template>":
            line = step.tb_lineno
        step = step.tb_next
    return line
