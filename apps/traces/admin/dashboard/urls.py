"""Where the dashboard is."""

from django.contrib import admin
from django.urls import path, re_path

from apps.traces.admin.dashboard.page import dashboard, users

app_name = "traces"
urlpatterns = [
    path("", admin.site.admin_view(dashboard), name="dashboard"),
    re_path(r"^users/(?P<part>table|menu)/$", admin.site.admin_view(users), name="dashboard-users"),
]
