"""The tool that reads a page of the web, through the guarded way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from apps.workflows.adapters.tools.tool import parameters
from apps.workflows.engine.file_port import KIND, FilePort
from apps.workflows.engine.tool_port import ToolInfo, ToolResult

MAX_CHARS: Final = 200_000


class WebReader:
    """The text of a page or document at an address, without what surrounds it."""

    info = ToolInfo(
        name="builtin/web_reader",
        label="Web reader",
        description="Reads the text of a web page or document at an address.",
        parameters=parameters(
            {
                "url": {"type": "string", "maxLength": 2_000, "description": "Begins with https:// or http://."},
                "max_chars": {
                    "type": "integer",
                    "minimum": 100,
                    "maximum": MAX_CHARS,
                    "description": "How much text at most; 20,000 characters if left out.",
                },
            },
            required=("url",),
        ),
    )

    def __init__(self, files: FilePort) -> None:
        self._files = files

    async def call(self, given: Mapping[str, Any], *, key: str) -> ToolResult:
        """The text. Raises NodeFailure."""
        url, most = given["url"].strip(), given.get("max_chars", 20_000)
        name = url.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1] or "page"
        page = {"kind": KIND, "name": name, "transfer_method": "remote_url", "url": url}
        text = await self._files.text(page)
        cut = len(text) > most
        shown = f"{text[:most]}\n… ({len(text) - most:,} more characters)" if cut else text
        return ToolResult(text=shown, json={"url": url, "characters": len(text), "cut": cut})
