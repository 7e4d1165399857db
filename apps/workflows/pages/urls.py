"""Addresses of the product team's pages."""

from django.urls import path

from apps.workflows.pages import app, apps, chat, environment, forks, keys, replies, runs, triggers, uploads, versions

app_name = "workflows"
urlpatterns = [
    path("", apps.app_list, name="apps"),
    path("apps/new/", apps.new_app, name="new-app"),
    path("apps/import/", apps.import_app, name="import-app"),
    path("apps/<slug:slug>/", app.overview, name="app"),
    path("apps/<slug:slug>/document/", app.document, name="document"),
    path("apps/<slug:slug>/versions/", versions.versions, name="versions"),
    path("apps/<slug:slug>/versions/compare/", versions.choose, name="choose-versions"),
    path("apps/<slug:slug>/versions/<int:old>/to/<int:new>/", versions.compare, name="compare"),
    path("apps/<slug:slug>/versions/<int:number>/restore/", versions.restore, name="restore"),
    path("apps/<slug:slug>/versions/<int:number>/document.yaml", versions.export, name="export"),
    path("apps/<slug:slug>/versions/<int:number>/dify.yml", versions.export_to_dify, name="export-to-dify"),
    path("apps/<slug:slug>/publish/", versions.publish, name="publish"),
    path("apps/<slug:slug>/keys/", keys.keys, name="keys"),
    path("apps/<slug:slug>/keys/<uuid:key_id>/revoke/", keys.revoke, name="revoke-key"),
    path("apps/<slug:slug>/environment/", environment.environment, name="environment"),
    path("apps/<slug:slug>/environment/<str:name>/", environment.set_value, name="set-environment"),
    path("apps/<slug:slug>/environment/<str:name>/clear/", environment.clear_value, name="clear-environment"),
    path("apps/<slug:slug>/runs/", runs.runs, name="runs"),
    path("apps/<slug:slug>/runs/<str:run_id>/", runs.run, name="run"),
    path("apps/<slug:slug>/runs/<str:run_id>/again/", forks.rerun, name="rerun"),
    path("apps/<slug:slug>/runs/<str:run_id>/reply/<uuid:wait_id>/", replies.reply, name="reply"),
    path("apps/<slug:slug>/triggers/", triggers.triggers, name="triggers"),
    path("apps/<slug:slug>/triggers/<uuid:trigger_id>/switch/", triggers.switch, name="switch-trigger"),
    path("apps/<slug:slug>/triggers/<uuid:trigger_id>/address/", triggers.rotate, name="rotate-trigger"),
    path("apps/<slug:slug>/triggers/<uuid:trigger_id>/run/", triggers.run_now, name="run-trigger"),
    path("apps/<slug:slug>/settings/", app.app_settings, name="settings"),
    path("apps/<slug:slug>/playground/", chat.playground, name="playground"),
    path("apps/<slug:slug>/playground/files/", uploads.upload, name="playground-files"),
    path("apps/<slug:slug>/playground/history/", chat.playground_history, name="playground-history"),
]
