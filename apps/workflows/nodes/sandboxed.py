"""What the nodes that run in the sandbox share: their inputs, and what people may read of them afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.node import NodeContext, Use
from apps.workflows.engine.ports import CodeReport
from apps.workflows.engine.variables import Source, parse_source, references_of, resolve
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.nodes.shapes import NAME, SOURCE, Schema, escape, uses

#: Characters of an output stream that are kept with a run: its beginning, and its end, where errors stand.
KEPT_CHARACTERS: Final = 32_768

INPUTS: Final[Schema] = {"type": "object", "propertyNames": NAME, "additionalProperties": SOURCE, "maxProperties": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The named inputs of a node: where each comes from."""

    sources: tuple[tuple[str, Source], ...]

    @classmethod
    def parse(cls, named: Mapping[str, str]) -> Inputs:
        return cls(sources=tuple((name, parse_source(text)) for name, text in named.items()))

    def read(self, context: NodeContext) -> tuple[dict[str, Any], Secrets]:
        """The values as plain JSON, null where there is none; the run shows them without what may be secret."""
        values = {name: plain(resolve(source, context.values)) for name, source in self.sources}
        references = (each for _name, source in self.sources for each in references_of(source))
        secrets = Secrets.among(references, context.values)
        context.inputs = {name: secrets.hide_in(value) for name, value in values.items()}
        return values, secrets


def process_of(report: CodeReport, secrets: Secrets) -> dict[str, Any]:
    """What a run keeps of how code went; nothing of code that was never run."""
    texts = {"stdout": report.stdout, "stderr": report.stderr, "traceback": report.traceback}
    kept: dict[str, Any] = {name: _kept(secrets.hide(text)) for name, text in texts.items() if text}
    if report.wall_ms:
        kept["usage"] = {"wall_ms": report.wall_ms, "cpu_ms": report.cpu_ms, "peak_kb": report.peak_kb}
    return kept


def uses_of_inputs(named: Mapping[str, str]) -> Iterator[Use]:
    """The references that a node's inputs make."""
    for name, text in named.items():
        yield from uses(f"/inputs/{escape(name)}", text)


def plain(value: Any) -> Any:
    """A value of a run as dicts and lists: what the sandbox's JSON is made of. Files are objects."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def _kept(text: str) -> str:
    if len(text) <= KEPT_CHARACTERS:
        return text
    half = KEPT_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters …\n{text[-half:]}"
