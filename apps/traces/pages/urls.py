"""Addresses of the pages about OpenTelemetry; included under `/opentelemetry/`."""

from django.urls import path

import support.slugs  # noqa: F401 - teaches addresses the converter anyslug
from apps.traces.pages import receive, send_on

app_name = "otel"
urlpatterns = [
    path("", receive.keys, name="receive"),
    path("<anyslug:slug>/keys/<uuid:key_id>/revoke/", receive.revoke, name="revoke-key"),
    path("send-on/", send_on.destination, name="send-on"),
    path("send-on/test/", send_on.test, name="test"),
]
