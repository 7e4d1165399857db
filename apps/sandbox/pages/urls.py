"""Addresses of the sandbox's pages, in the admin's part of the site."""

from django.contrib import admin
from django.urls import path

from apps.sandbox.pages.health import health

app_name = "sandbox"
urlpatterns = [path("health/", admin.site.admin_view(health), name="health")]
