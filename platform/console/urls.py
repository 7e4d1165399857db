"""Every address of the installation, app by app."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

import support.slugs  # noqa: F401 - teaches addresses the converter anyslug
from accounts.sign_in import SignInForm
from apps.workflows.api.file_views import linked_file
from apps.workflows.api.hook_views import hook
from apps.workflows.pages.chat import chat_history, chat_page
from apps.workflows.pages.public_form import form_page
from apps.workflows.pages.uploads import upload_publicly
from console import health
from console.pages.frame import palette, switch_team
from console.pages.styles import styles
from support.api import no_such_address

urlpatterns = [
    path("", include("apps.workflows.pages.urls")),
    path("", include("apps.annotations.pages.urls")),
    path("datasets/", include("apps.datasets.pages.urls")),
    path("chat/<anyslug:slug>/", chat_page, name="chat-page"),
    path("chat/<anyslug:slug>/history/", chat_history, name="chat-history"),
    path("chat/<anyslug:slug>/files/", upload_publicly, name="chat-files"),
    path("forms/<str:token>/", form_page, name="form"),
    path("files/<uuid:file_id>/<str:signature>", linked_file, name="file"),
    re_path(r"^hooks/(?P<token>[^/]{1,200})/?$", hook, name="hook"),
    path("v1/", include("apps.workflows.api.urls")),
    path("v1/", include("apps.annotations.api.urls")),
    path("v1/", include("apps.datasets.api.urls")),
    re_path("^v1/", no_such_address),
    path("api/traces/", include("apps.traces.api.urls")),
    path("opentelemetry/", include("apps.traces.pages.urls")),
    path("api/schema/", include("apps.workflows.api.schema_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("admin/sandbox/", include("apps.sandbox.pages.urls")),
    path("admin/traces/dashboard/", include("apps.traces.admin.dashboard.urls")),
    path("admin/", admin.site.urls),
    path(
        "login/",
        auth.LoginView.as_view(redirect_authenticated_user=True, authentication_form=SignInForm),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", auth.PasswordChangeView.as_view(), name="password_change"),
    path("password/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("team/", switch_team, name="switch-team"),
    path("palette.json", palette, name="palette"),
    path("console/styles/", styles, name="styles"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
]
