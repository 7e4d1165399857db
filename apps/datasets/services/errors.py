"""Why a request about datasets is refused."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext as _

from support.errors import Conflict, Unavailable


class DatasetExists(Conflict):
    """The slug is taken in this team."""

    code: ClassVar[str] = "dataset_exists"


class MetadataFieldExists(Conflict):
    """The name is taken by another field of the dataset, or by a built-in one."""

    code: ClassVar[str] = "metadata_field_exists"


class DocumentIsIndexing(Conflict):
    """It has to end before this can be done."""

    code: ClassVar[str] = "document_indexing"


class ContentMissing(Conflict):
    """The file was refused or lost, so there is nothing to index again."""

    code: ClassVar[str] = "content_missing"


class VectorsMoved(Unavailable):
    """The dataset's vectors went to another place while this was under way; the same works at once there."""

    code: ClassVar[str] = "vectors_moved"
    retryable: ClassVar[bool] = True
    retry_after: ClassVar[float] = 0.0


class MoveUnderway(Conflict):
    """Another move of the dataset has to end first, or what it left has to be removed."""

    code: ClassVar[str] = "move_underway"


class MoveNotVerified(Unavailable):
    """What was copied does not answer as the old place does; the dataset stays where it is."""

    code: ClassVar[str] = "move_not_verified"


class EmbeddingSpaceChanged(Unavailable):
    """The dataset's vectors were made by another model than the one that its name means now."""

    code: ClassVar[str] = "embedding_space_changed"

    def __init__(self, *, dataset: str, stored: str, current: str) -> None:
        super().__init__(
            _(
                "The vectors of dataset %(dataset)s belong to the space %(stored)s, but its embedding model now makes "
                "%(current)s. Restore the model, or embed the dataset anew with manage.py migrate_vectors."
            )
            % {"dataset": f"{dataset!r}", "stored": f"{stored!r}", "current": f"{current!r}"},
            dataset=dataset,
            stored=stored,
            current=current,
        )


class PageFailed(Unavailable):
    """A page of the web could not be fetched; `reason` says why, `again` whether another try may help."""

    code: ClassVar[str] = "page_failed"

    def __init__(self, message: str, *, reason: str, again: bool = False, status: int = 0) -> None:
        super().__init__(message, reason=reason)
        self.reason, self.again, self.status = reason, again, status


class ImportUnderway(Conflict):
    """The import has to end before it can be asked for again."""

    code: ClassVar[str] = "import_underway"


class ExternalKnowledgeFailed(Unavailable):
    """The program that keeps the dataset did not answer as its API says; `reason` is its kind."""

    code: ClassVar[str] = "external_knowledge_failed"
