"""Addresses of the product team's pages."""

from django.urls import path

import support.slugs  # noqa: F401 - teaches addresses the converter anyslug
from apps.workflows.pages import (
    app,
    apps,
    chat,
    environment,
    few_shot,
    forks,
    keys,
    replies,
    runs,
    triggers,
    uploads,
    versions,
)

app_name = "workflows"
urlpatterns = [
    path("", apps.app_list, name="apps"),
    path("apps/new/", apps.new_app, name="new-app"),
    path("apps/import/", apps.import_app, name="import-app"),
    path("apps/<anyslug:slug>/", app.overview, name="app"),
    path("apps/<anyslug:slug>/document/", app.document, name="document"),
    path("apps/<anyslug:slug>/document/few-shot/", few_shot.few_shot, name="few-shot"),
    path("apps/<anyslug:slug>/notes/dismiss/", app.dismiss_notes, name="dismiss-notes"),
    path("apps/<anyslug:slug>/versions/", versions.versions, name="versions"),
    path("apps/<anyslug:slug>/versions/compare/", versions.choose, name="choose-versions"),
    path("apps/<anyslug:slug>/versions/<int:old>/to/<int:new>/", versions.compare, name="compare"),
    path("apps/<anyslug:slug>/versions/<int:number>/restore/", versions.restore, name="restore"),
    path("apps/<anyslug:slug>/versions/<int:number>/document.yaml", versions.export, name="export"),
    path("apps/<anyslug:slug>/versions/<int:number>/dify.yml", versions.export_to_dify, name="export-to-dify"),
    path("apps/<anyslug:slug>/publish/", versions.publish, name="publish"),
    path("apps/<anyslug:slug>/keys/", keys.keys, name="keys"),
    path("apps/<anyslug:slug>/keys/<uuid:key_id>/revoke/", keys.revoke, name="revoke-key"),
    path("apps/<anyslug:slug>/environment/", environment.environment, name="environment"),
    path("apps/<anyslug:slug>/environment/<str:name>/", environment.set_value, name="set-environment"),
    path("apps/<anyslug:slug>/environment/<str:name>/clear/", environment.clear_value, name="clear-environment"),
    path("apps/<anyslug:slug>/runs/", runs.runs, name="runs"),
    path("apps/<anyslug:slug>/runs/<str:run_id>/", runs.run, name="run"),
    path("apps/<anyslug:slug>/runs/<str:run_id>/again/", forks.rerun, name="rerun"),
    path("apps/<anyslug:slug>/runs/<str:run_id>/reply/<uuid:wait_id>/", replies.reply, name="reply"),
    path("apps/<anyslug:slug>/triggers/", triggers.triggers, name="triggers"),
    path("apps/<anyslug:slug>/triggers/<uuid:trigger_id>/switch/", triggers.switch, name="switch-trigger"),
    path("apps/<anyslug:slug>/triggers/<uuid:trigger_id>/address/", triggers.rotate, name="rotate-trigger"),
    path("apps/<anyslug:slug>/triggers/<uuid:trigger_id>/run/", triggers.run_now, name="run-trigger"),
    path("apps/<anyslug:slug>/settings/", app.app_settings, name="settings"),
    path("apps/<anyslug:slug>/playground/", chat.playground, name="playground"),
    path("apps/<anyslug:slug>/playground/files/", uploads.upload, name="playground-files"),
    path("apps/<anyslug:slug>/playground/history/", chat.playground_history, name="playground-history"),
]
