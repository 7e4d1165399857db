"""Rules about code and templates: what can be seen without running them. All are warnings.

Python is parsed, never compiled or run, and only while it is short and shallow: what is longer shows its faults when
it runs. Templates are parsed by Jinja2 and not compiled, because its compiler computes constant expressions.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from django.utils.translation import gettext as _
from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from apps.workflows.dsl.outline import Outline, OutlineNode
from apps.workflows.dsl.problems import Problem, pointer

#: Of all code of a document together, so that checking one never takes seconds.
MAX_CHARS: Final = 100_000
MAX_NESTING: Final = 50
#: What there is besides the standard library in the profiles that come with the sandbox.
PACKAGES: Final[Mapping[str, frozenset[str]]] = {
    "base": frozenset(),
    "net": frozenset(),
    "template": frozenset({"jinja2", "markupsafe"}),
    "data": frozenset({"numpy", "pandas", "dateutil", "pytz", "tzdata", "six"}),
}
_OPENING = "([{"
_BRACKETS = re.compile(r"[()\[\]{}]")
#: Names that a template has without being given them.
_JINJA_NAMES: Final = frozenset(DEFAULT_NAMESPACE) | {"loop", "self", "super", "caller", "varargs", "kwargs"}
_TEMPLATES = Environment(autoescape=False)  # noqa: S701 - parses only, nothing is rendered here


def check_code(graph: Outline) -> Iterator[Problem]:
    """The code and template nodes whose configuration has the right shape."""
    room = MAX_CHARS
    for node in graph.written:
        if node.type is None or node.type_name not in _CHECKS:
            continue
        key, check = _CHECKS[node.type_name]
        source = node.config[key]
        room -= len(source)
        if room >= 0 and _is_shallow(source):
            yield from (replace(found, path=pointer(*graph.at) + found.path) for found in check(node, source))


def _check_python(node: OutlineNode, source: str) -> Iterator[Problem]:
    if node.config.get("language", "python3") != "python3":
        return
    try:
        tree = ast.parse(source, "main.py")
    except SyntaxError as fault:
        yield _warning(node, "code", "code_syntax", _in_line(fault.lineno, fault.msg))
        return
    except (ValueError, RecursionError, MemoryError):
        return
    yield from _check_imports(node, tree)
    mains = [
        part for part in tree.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name == "main"
    ]
    if mains:
        yield from _check_arguments(node, mains[-1])
    elif not any(_binds_main(part) for part in ast.walk(tree)):
        message = _("The code defines no function main.")
        yield _warning(node, "code", "code_without_main", message)


def _check_imports(node: OutlineNode, tree: ast.Module) -> Iterator[Problem]:
    """Packages that the profile lacks. What an operator has put into a profile of their own is not to be seen here."""
    profile = node.config.get("profile", "base")
    if profile not in PACKAGES:
        return
    known = sys.stdlib_module_names | PACKAGES[profile]
    lacking = sorted({name for name in _imported(tree) if name not in known})
    if not lacking:
        return
    words = {"profile": profile, "packages": ", ".join(lacking)[:200]}
    message = _("The sandbox's profile “%(profile)s” has no package %(packages)s.") % words
    if better := next((name for name, there in PACKAGES.items() if there.issuperset(lacking)), ""):
        message += " " + _("The profile “%s” has it.") % better
    yield _warning(node, "code", "code_import", message)


def _imported(tree: ast.Module) -> Iterator[str]:
    """The packages that the code asks for, but for those that it can do without: what it tries to import."""
    todo: list[ast.AST] = [tree]
    while todo:
        part = todo.pop()
        match part:
            case ast.Import():
                yield from (name.name.partition(".")[0] for name in part.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module.partition(".")[0]
            case ast.Try():
                todo += [*part.orelse, *part.finalbody]
            case _:
                todo += ast.iter_child_nodes(part)


def _binds_main(part: ast.AST) -> bool:
    match part:
        case ast.FunctionDef(name="main") | ast.AsyncFunctionDef(name="main") | ast.ClassDef(name="main"):
            return True
        case (
            ast.Name(id="main", ctx=ast.Store()) | ast.alias(name="main" | "*", asname=None) | ast.alias(asname="main")
        ):
            return True
    return False


def _check_arguments(node: OutlineNode, main: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Problem]:
    """The inputs are passed by name, so they and the parameters have to agree."""
    takes = main.args
    if main.decorator_list or takes.posonlyargs:
        return  # what may be passed is not to be seen here
    given = set(node.config.get("inputs") or {})
    by_name = [*takes.args, *takes.kwonlyargs]
    with_default = {one.arg for one in takes.args[len(takes.args) - len(takes.defaults) :]}
    with_default |= {one.arg for one, value in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if value}
    lacking = sorted({one.arg for one in by_name} - with_default - given)
    unknown = [] if takes.kwarg else sorted(given - {one.arg for one in by_name})
    if lacking:
        message = _("main takes what is not among the inputs: %s.") % ", ".join(lacking)[:200]
        yield _warning(node, "code", "code_arguments", message)
    if unknown:
        message = _("main does not take these inputs: %s.") % ", ".join(unknown)[:200]
        yield _warning(node, "inputs", "code_arguments", message)


def _check_template(node: OutlineNode, source: str) -> Iterator[Problem]:
    try:
        tree = _TEMPLATES.parse(source)
        names = list(tree.find_all(nodes.Name))
        macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    except TemplateSyntaxError as fault:
        yield _warning(node, "template", "code_syntax", _in_line(fault.lineno, fault.message or ""))
        return
    except (ValueError, RecursionError, MemoryError):
        return
    known = _JINJA_NAMES | set(node.config.get("inputs") or {}) | {name.name for name in names if name.ctx != "load"}
    unknown = sorted({name.name for name in names} - known - macros)
    if unknown:
        message = _("The template knows only its inputs; these are none: %s.") % ", ".join(unknown)[:200]
        yield _warning(node, "template", "template_name", message)


_CHECKS: Final[Mapping[str, tuple[str, Callable[[OutlineNode, str], Iterator[Problem]]]]] = {
    "code": ("code", _check_python),
    "template-transform": ("template", _check_template),
}


def _is_shallow(source: str) -> bool:
    """Whether brackets nest no deeper than people write them."""
    depth = 0
    for character in _BRACKETS.findall(source):
        depth = depth + 1 if character in _OPENING else max(0, depth - 1)
        if depth > MAX_NESTING:
            return False
    return True


def _in_line(line: int | None, message: str) -> str:
    return _("Line %(line)s: %(message)s.") % {"line": line or 1, "message": message[:200].rstrip(".")}


def _warning(node: OutlineNode, key: str, code: str, message: str) -> Problem:
    return Problem(path=pointer("nodes", node.place, "config", key), code=code, message=message, severity="warning")
