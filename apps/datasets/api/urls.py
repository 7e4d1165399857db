"""Addresses of the service API that datasets serve; included under `/v1/`."""

from django.urls import path

from apps.datasets.api import (
    child_chunk_views,
    dataset_views,
    document_status_views,
    document_views,
    external_views,
    metadata_views,
    segment_views,
    web_import_views,
)

_DATASET = "datasets/<uuid:dataset_id>"
_DOCUMENT = f"{_DATASET}/documents/<uuid:document_id>"

urlpatterns = [
    path("external/retrieval", external_views.ExternalRetrieval.as_view(), name="v1-external-retrieval"),
    path("datasets", dataset_views.Datasets.as_view(), name="v1-datasets"),
    path(_DATASET, dataset_views.DatasetDetail.as_view(), name="v1-dataset"),
    path(f"{_DATASET}/retrieve", dataset_views.Retrieve.as_view(), name="v1-dataset-retrieve"),
    path(f"{_DATASET}/hit-testing", dataset_views.Retrieve.as_view()),
    path(f"{_DATASET}/document/create-by-text", document_views.CreateByText.as_view(), name="v1-create-by-text"),
    path(f"{_DATASET}/document/create_by_text", document_views.CreateByText.as_view()),
    path(f"{_DATASET}/document/create-by-file", document_views.CreateByFile.as_view(), name="v1-create-by-file"),
    path(f"{_DATASET}/document/create_by_file", document_views.CreateByFile.as_view()),
    path(f"{_DATASET}/documents", document_views.Documents.as_view(), name="v1-documents"),
    path(f"{_DATASET}/documents/metadata", metadata_views.DocumentsMetadata.as_view(), name="v1-documents-metadata"),
    path(f"{_DATASET}/documents/status/<str:action>", document_status_views.DocumentStatus.as_view()),
    path(f"{_DATASET}/documents/<uuid:batch>/indexing-status", document_status_views.IndexingStatus.as_view()),
    path(_DOCUMENT, document_views.DocumentDetail.as_view(), name="v1-document"),
    path(f"{_DOCUMENT}/update-by-text", document_views.UpdateByText.as_view(), name="v1-update-by-text"),
    path(f"{_DOCUMENT}/update_by_text", document_views.UpdateByText.as_view()),
    path(f"{_DOCUMENT}/update-by-file", document_views.UpdateByFile.as_view(), name="v1-update-by-file"),
    path(f"{_DOCUMENT}/update_by_file", document_views.UpdateByFile.as_view()),
    path(f"{_DOCUMENT}/segments", segment_views.Segments.as_view(), name="v1-segments"),
    path(f"{_DOCUMENT}/segments/<uuid:segment_id>", segment_views.SegmentDetail.as_view(), name="v1-segment"),
    path(f"{_DOCUMENT}/segments/<uuid:segment_id>/child_chunks", child_chunk_views.ChildChunks.as_view()),
    path(
        f"{_DOCUMENT}/segments/<uuid:segment_id>/child_chunks/<uuid:child_id>",
        child_chunk_views.ChildChunkDetail.as_view(),
    ),
    path(f"{_DATASET}/web-imports", web_import_views.WebImports.as_view(), name="v1-web-imports"),
    path(f"{_DATASET}/web-imports/<uuid:import_id>", web_import_views.WebImportDetail.as_view()),
    path(f"{_DATASET}/web-imports/<uuid:import_id>/<str:action>", web_import_views.WebImportAction.as_view()),
    path(f"{_DATASET}/metadata", metadata_views.Metadata.as_view(), name="v1-metadata"),
    path(f"{_DATASET}/metadata/built-in", metadata_views.BuiltInMetadata.as_view()),
    path(f"{_DATASET}/metadata/built-in/<str:action>", metadata_views.BuiltInSwitch.as_view()),
    path(f"{_DATASET}/metadata/<uuid:field_id>", metadata_views.MetadataDetail.as_view(), name="v1-metadata-field"),
]
