"""Where the dashboard is."""

from django.contrib import admin
from django.urls import path

from apps.traces.admin.dashboard.page import dashboard

app_name = "traces"
urlpatterns = [path("", admin.site.admin_view(dashboard), name="dashboard")]
