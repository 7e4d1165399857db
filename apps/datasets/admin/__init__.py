"""Admin pages of datasets: what operators look at when something does not get indexed or found."""

from apps.datasets.admin.dataset import DatasetAdmin
from apps.datasets.admin.document import DocumentAdmin
from apps.datasets.admin.index_run import IndexRunAdmin
from apps.datasets.admin.web_import import ExternalKnowledgeAdmin, WebImportAdmin, WebPageAdmin

__all__ = [
    "DatasetAdmin",
    "DocumentAdmin",
    "ExternalKnowledgeAdmin",
    "IndexRunAdmin",
    "WebImportAdmin",
    "WebPageAdmin",
]
