"""The tool that searches the team's datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from apps.workflows.adapters.tools.tool import parameters
from apps.workflows.engine.ports import RetrievalPort, RetrievalRequest
from apps.workflows.engine.tool_port import ToolInfo, ToolResult


class DatasetSearch:
    """Passages of the team's datasets that fit a question best."""

    info = ToolInfo(
        name="dataset/search",
        label="Dataset search",
        description="Finds the passages of the team's documents that fit a question best.",
        parameters=parameters(
            {
                "query": {"type": "string", "minLength": 1, "maxLength": 2_000, "description": "What to look for."},
                "datasets": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                    "maxItems": 20,
                    "description": "Names of the datasets to search.",
                },
                "method": {"enum": ["hybrid", "semantic", "full_text"]},
                "top_k": {"type": "integer", "minimum": 1, "maximum": 20},
            },
            required=("query", "datasets"),
        ),
    )

    def __init__(self, retrieval: RetrievalPort) -> None:
        self._retrieval = retrieval

    async def call(self, given: Mapping[str, Any], *, key: str) -> ToolResult:
        """The passages, best first. Raises NodeFailure."""
        request = RetrievalRequest(
            query=given["query"],
            datasets=tuple(given["datasets"]),
            method=given.get("method"),
            top_k=given.get("top_k", 5),
        )
        found = (await self._retrieval.retrieve(request)).passages
        shown = [f"[{at}] {each.document_name}\n{each.text}" for at, each in enumerate(found, start=1)]
        return ToolResult(
            text="\n\n".join(shown) or "Nothing was found.",
            json=[{**asdict(each), "heading_path": list(each.heading_path)} for each in found],
        )
