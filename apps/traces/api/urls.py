"""Addresses of the management API of traces; included under `/api/traces/`."""

from django.urls import path

from apps.traces.api import views

urlpatterns = [
    path("", views.Traces.as_view(), name="api-traces"),
    path("spans/", views.Spans.as_view(), name="api-spans"),
    path("<uuid:trace_id>/", views.TraceDetail.as_view(), name="api-trace"),
    path("<uuid:trace_id>/spans/", views.TraceSpans.as_view(), name="api-trace-spans"),
    path("<uuid:trace_id>/spans/<uuid:span_id>/", views.SpanDetail.as_view(), name="api-trace-span"),
]
