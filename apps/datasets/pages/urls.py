"""Addresses of the dataset pages, below /datasets/."""

from django.urls import path

from apps.datasets.pages import (
    chunks,
    datasets,
    documents,
    evaluation,
    external,
    keys,
    metadata,
    passages,
    previews,
    search,
    web_imports,
)

app_name = "datasets"
urlpatterns = [
    path("", datasets.dataset_list, name="datasets"),
    path("new/", datasets.new_dataset, name="new-dataset"),
    path("new-external/", external.new_external, name="new-external"),
    path("passages/<uuid:chunk_id>/", passages.passage, name="passage"),
    path("<str:slug>/", documents.documents, name="dataset"),
    path("<str:slug>/rows/", documents.rows, name="rows"),
    path("<str:slug>/upload/", documents.upload, name="upload"),
    path("<str:slug>/web/", web_imports.web_imports, name="web-imports"),
    path("<str:slug>/web/<uuid:import_id>/", web_imports.web_import, name="web-import"),
    path("<str:slug>/web/<uuid:import_id>/<str:action>/", web_imports.act_on_import, name="act-on-import"),
    path("<str:slug>/connection/", external.connection, name="connection"),
    path("<str:slug>/search/", search.search_test, name="search"),
    path("<str:slug>/search/keep/", search.keep, name="keep-search"),
    path("<str:slug>/questions/", search.queries, name="queries"),
    path("<str:slug>/evaluations/", evaluation.evaluations, name="evaluations"),
    path("<str:slug>/evaluations/<uuid:evaluation_id>/", evaluation.evaluation, name="evaluation"),
    path("<str:slug>/evaluations/<uuid:evaluation_id>/table.csv", evaluation.evaluation_csv, name="evaluation-csv"),
    path("<str:slug>/evaluations/<uuid:evaluation_id>/delete/", evaluation.remove_evaluation, name="remove-evaluation"),
    path("<str:slug>/keys/", keys.keys, name="keys"),
    path("<str:slug>/keys/<uuid:key_id>/revoke/", keys.revoke, name="revoke-key"),
    path("<str:slug>/metadata/", metadata.metadata, name="metadata"),
    path("<str:slug>/metadata/fields/", metadata.change_fields, name="change-fields"),
    path("<str:slug>/metadata/documents/", metadata.change_many, name="change-many"),
    path("<str:slug>/documents/<uuid:document_id>/metadata/", metadata.document_metadata, name="document-metadata"),
    path("<str:slug>/settings/", datasets.dataset_settings, name="settings"),
    path("<str:slug>/chunking/", datasets.chunking, name="chunking"),
    path("<str:slug>/delete/", datasets.remove_dataset, name="delete"),
    path("<str:slug>/documents/<uuid:document_id>/", documents.document, name="document"),
    path("<str:slug>/documents/<uuid:document_id>/preview/", previews.preview_document, name="preview"),
    path("<str:slug>/documents/<uuid:document_id>/replace/", documents.replace, name="replace"),
    path("<str:slug>/documents/<uuid:document_id>/chunks/add/", chunks.add_chunk, name="add-chunk"),
    path(
        "<str:slug>/documents/<uuid:document_id>/chunks/<uuid:chunk_id>/<str:action>/",
        chunks.act_on_chunk,
        name="act-on-chunk",
    ),
    path(
        "<str:slug>/documents/<uuid:document_id>/changes/<uuid:edit_id>/<str:action>/",
        chunks.act_on_edit,
        name="act-on-edit",
    ),
    path("<str:slug>/documents/<uuid:document_id>/<str:action>/", documents.act, name="act"),
    path("<str:slug>/all/<str:action>/", documents.act_on_all, name="act-on-all"),
]
