"""What cannot be found. Never told apart from what is not yours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from support.errors import NotFound


class DatasetNotFound(NotFound):
    """No such dataset in this team; says which there are."""

    code: ClassVar[str] = "dataset_not_found"

    def __init__(self, slugs: Sequence[str], *, known: Sequence[str]) -> None:
        names = ", ".join(repr(slug) for slug in slugs)
        listing = f"Known datasets: {', '.join(known)}." if known else "This team has no datasets yet."
        super().__init__(f"There is no dataset {names}. {listing}", datasets=list(slugs), known=list(known))


class DocumentNotFound(NotFound):
    """No such document in this team."""

    code: ClassVar[str] = "document_not_found"


class PassageNotFound(NotFound):
    """The passage is gone: its document was deleted, or indexed again with other text."""

    code: ClassVar[str] = "passage_not_found"


class MetadataFieldNotFound(NotFound):
    """No such metadata field in this dataset."""

    code: ClassVar[str] = "metadata_field_not_found"


class WebImportNotFound(NotFound):
    """No such import from the web in this dataset."""

    code: ClassVar[str] = "web_import_not_found"
