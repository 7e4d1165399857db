"""Datasets, their documents, what is read from them, and the runs that index them."""

from apps.datasets.models.chunk import Chunk, DatasetTerm, DocumentPage
from apps.datasets.models.dataset import Dataset
from apps.datasets.models.document import Document
from apps.datasets.models.index_run import IndexRun

__all__ = ["Chunk", "Dataset", "DatasetTerm", "Document", "DocumentPage", "IndexRun"]
