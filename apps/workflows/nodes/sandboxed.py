"""What the nodes that run in the sandbox share: their inputs, and what people may read of them afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.node import NodeContext, Use
from apps.workflows.engine.ports import CodeFailed, CodeReport
from apps.workflows.engine.variables import Source, Values, as_text, parse_source, references_of, resolve
from apps.workflows.nodes.shapes import NAME, SOURCE, Schema, escape, uses

#: Root of the values that may be secret (tokens of other services).
_CONCEALED_ROOT: Final = "env"
#: Shorter values are found in any text by chance.
_SHORTEST_SECRET: Final = 4
HIDDEN: Final = "•••"
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
        secrets = Secrets(_secret_texts(self.sources, context.values))
        context.inputs = {name: secrets.hide_in(value) for name, value in values.items()}
        return values, secrets


class Secrets:
    """Texts that nobody may read in a run's records."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Iterable[str]) -> None:
        written = {way for text in texts if len(text) >= _SHORTEST_SECRET for way in _ways_to_write(text)}
        #: The longest first, so that no piece of one is left by hiding another.
        self._texts = sorted(written, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """The text with every secret covered up."""
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text

    def hide_in(self, value: Any) -> Any:
        """The value with every secret in its texts covered up."""
        if not self._texts:
            return value
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            return {self.hide(key): self.hide_in(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.hide_in(inner) for inner in value]
        return HIDDEN if as_text(value) in self._texts else value

    def hide_in_failure(self, failure: CodeFailed) -> CodeFailed:
        """The failure in words that may be read; its report is hidden where it is kept (`process_of`)."""
        if not self._texts:
            return failure
        return CodeFailed(
            failure.code,
            self.hide(failure.message),
            retryable=failure.retryable,
            details=self.hide_in(failure.details),
        )


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


def _secret_texts(sources: Iterable[tuple[str, Source]], values: Values) -> Iterator[str]:
    for _name, source in sources:
        for reference in references_of(source):
            if reference.root == _CONCEALED_ROOT:
                yield from _texts_in(values.get(reference))


def _ways_to_write(text: str) -> tuple[str, ...]:
    """A text as it is, and as JSON and a traceback would show it."""
    return text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts_in(inner)
    elif value is not None and not isinstance(value, bool):
        yield as_text(value)


def _kept(text: str) -> str:
    if len(text) <= KEPT_CHARACTERS:
        return text
    half = KEPT_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters …\n{text[-half:]}"
