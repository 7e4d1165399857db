"""document-extractor: the text in documents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.errors import MissingValue, WrongType
from apps.workflows.engine.file_port import FileValue, files_in, is_file
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.variables import MISSING, Reference
from apps.workflows.nodes.shapes import REFERENCE, closed, uses

#: Documents that are read at once: each takes a process of its own.
_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentExtractor:
    """Reads each document; one file gives a text, a list gives a list in its order."""

    files: Reference

    async def run(self, context: NodeContext) -> NodeResult:
        value = context.values.find(self.files)
        if value is MISSING or value is None:
            raise MissingValue(self.files.path)
        files = files_in(value)
        if files is None:
            raise WrongType(field=self.files.path, expected="a file or a list of files", got=_kind_of(value))
        context.inputs = {"files": [file.get("name") for file in files]}
        texts = await self._read(files, context)
        context.process = {"characters": [len(text) for text in texts]}
        return NodeResult(outputs={"text": texts[0] if is_file(value) else texts})

    async def _read(self, files: list[FileValue], context: NodeContext) -> list[str]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def read(file: FileValue) -> str:
            async with room:
                # A text with a NUL can be stored nowhere.
                return (await context.ports.files.text(file)).replace("\x00", "")

        tasks = [asyncio.ensure_future(read(file)) for file in files]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()


def _kind_of(value: Any) -> str:
    return "a list with something else in it" if isinstance(value, (list, tuple)) else type(value).__name__


def _compile(config: Config) -> DocumentExtractor:
    return DocumentExtractor(files=Reference.parse(config["files"]))


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"text"})


def _uses(config: Config) -> Iterator[Use]:
    yield from uses("/files", config["files"])


DOCUMENT_EXTRACTOR = NodeType(
    name="document-extractor",
    schema=closed({"files": REFERENCE}, required=["files"]),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
