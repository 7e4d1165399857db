"""Datasets, their documents, what is read from them, and the runs that index them."""

from apps.datasets.models.cached_vector import CachedVector
from apps.datasets.models.chunk import Chunk, ChunkParent, DatasetTerm, DocumentPage
from apps.datasets.models.chunk_edit import ChunkEdit
from apps.datasets.models.dataset import Dataset
from apps.datasets.models.document import Document
from apps.datasets.models.evaluation import Evaluation
from apps.datasets.models.external_knowledge import ExternalKnowledge
from apps.datasets.models.index_run import IndexRun
from apps.datasets.models.metadata import MetadataField
from apps.datasets.models.query import ChunkHit, DatasetQuery
from apps.datasets.models.vector_move import VectorMove
from apps.datasets.models.web_import import WebImport, WebPage

__all__ = [
    "CachedVector",
    "Chunk",
    "ChunkEdit",
    "ChunkHit",
    "ChunkParent",
    "Dataset",
    "DatasetQuery",
    "DatasetTerm",
    "Document",
    "DocumentPage",
    "Evaluation",
    "ExternalKnowledge",
    "IndexRun",
    "MetadataField",
    "VectorMove",
    "WebImport",
    "WebPage",
]
