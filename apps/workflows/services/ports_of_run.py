"""Everything that the nodes of one run may reach, made real."""

from __future__ import annotations

from typing import Any

from apps.workflows.adapters.code import Refusals, SandboxedCode
from apps.workflows.adapters.fair_share import code_places, share_of
from apps.workflows.adapters.files import TeamFiles
from apps.workflows.adapters.http import GuardedHttp
from apps.workflows.adapters.memory import ConversationMemory, RegisteredExamples
from apps.workflows.adapters.models import TeamModels
from apps.workflows.adapters.retrieval import TeamDatasets
from apps.workflows.adapters.tools.team_tools import TeamTools
from apps.workflows.engine.file_port import FileContent
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.run_info import RunInfo
from apps.workflows.hooks import similar_examples
from apps.workflows.selectors.files import file_value
from apps.workflows.services.files import keep_made_file
from support.database import in_thread


def ports_of(info: RunInfo, *, is_new_conversation: bool) -> Ports:
    """The ports of a run, for its team."""

    async def keep(content: FileContent) -> dict[str, Any]:
        return file_value(await in_thread(_keep, info, content))

    share = share_of(info)
    http, retrieval = GuardedHttp(), TeamDatasets(info.team_id)
    files = TeamFiles(info.team_id, http=http, keep=keep)
    models = TeamModels(info.team_id, files=files, share=share)
    return Ports(
        models=models,
        retrieval=retrieval,
        memory=ConversationMemory(info.conversation_id, is_new=is_new_conversation),
        examples=RegisteredExamples(lambda query, k: similar_examples(info, query, k), count=models.tokens_of),
        code=SandboxedCode(info.run_id, tell=Refusals(info).tell, places=code_places(), share=share),
        http=http,
        tools=TeamTools(info.team_id, http=http, files=files, retrieval=retrieval),
        files=files,
    )


def _keep(info: RunInfo, content: FileContent) -> Any:
    return keep_made_file(
        content.content,
        run_id=info.run_id,
        application_id=info.application_id,
        team_id=info.team_id,
        source=info.source,
        end_user=info.end_user,
        name=content.name,
        declared_type=content.mime_type,
    )
