"""Settings that every environment shares."""

from __future__ import annotations

import os
from typing import Any

from django.utils.translation import gettext_lazy as _
from kombu.entity import Queue

from console.settings import env

BASE_DIR = env.ROOT
DATA_DIR = env.DATA_DIR
SECRET_KEY = env.secret_from("secret_key", env.SECRET_KEY)
#: Newest first; older ones only decrypt.
ENCRYPTION_KEYS = env.ENCRYPTION_KEYS or [env.secret_from("encryption_keys", "")]
DEBUG = False
ALLOWED_HOSTS = env.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = env.CSRF_TRUSTED_ORIGINS

INSTALLED_APPS = [
    "console.admin_config.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "django_celery_results",
    "console.apps.ConsoleConfig",
    "accounts.apps.AccountsConfig",
    "providers.apps.ProvidersConfig",
    "apps.datasets.apps.DatasetsConfig",
    "apps.sandbox.apps.SandboxConfig",
    "apps.workflows.apps.WorkflowsConfig",
    "apps.traces.apps.TracesConfig",
    "apps.annotations.apps.AnnotationsConfig",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "console.csp.content_security_policy",
    "console.addresses.readable_addresses",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

ROOT_URLCONF = "console.urls"
ASGI_APPLICATION = "console.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.context_processors.frame",
            ],
            "builtins": ["console.templatetags.parts"],
        },
    }
]

# A pool in the web process (CONN_MAX_AGE leaks under ASGI). Celery prefork closes pools at task borders, and a
# command is over before a pool pays, so these go without.
_POOL: dict[str, Any] = (
    {"pool": {"min_size": 1, "max_size": 12, "timeout": 10}} if os.environ.get("SKEP_PROCESS") == "web" else {}
)
DATABASES = {
    "default": env.database(env.DATABASE_URL or "postgresql://skep@127.0.0.1:5432/skep", **_POOL),
    "traces": env.database(
        env.TRACES_DATABASE_URL or env.DATABASE_URL or "postgresql://skep@127.0.0.1:5432/skep", **_POOL
    ),
}
#: Whether both names mean one database. Decided here once: tests rename databases one after the other.
TRACES_SHARE_DATABASE = all(
    DATABASES["traces"][part] == DATABASES["default"][part] for part in ("NAME", "HOST", "PORT")
)
if TRACES_SHARE_DATABASE:
    DATABASES["traces"]["TEST"] = {"MIRROR": "default"}
#: Days that traces are kept where a team says nothing; 0 means for ever.
TRACES_RETENTION_DAYS = env.TRACES_RETENTION_DAYS
DATABASE_ROUTERS = ["console.database_router.TracesRouter"]

REDIS_URL = env.REDIS_URL
CELERY_BROKER_URL = env.REDIS_URL
CELERY_RESULT_BACKEND = "django-db"
CELERY_TASK_IGNORE_RESULT = False
CELERY_RESULT_EXTENDED = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # kilobytes
# Runs may take a day: they have a queue of their own, so that nothing waits behind them. Without -Q a worker takes all.
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_QUEUES = [Queue(name) for name in ("celery", "runs")]  # type: ignore[no-untyped-call]
CELERY_TASK_ROUTES = {
    "workflows.go_on_with_run": {"queue": "runs"},
    "workflows.go_on_with_runs": {"queue": "runs"},
    "annotations.work_on_experiment": {"queue": "runs"},
}
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "accounts.backends.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "platform" / "console" / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns where it is missing
MEDIA_ROOT = DATA_DIR / "files"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
MAX_UPLOAD_BYTES = env.MAX_UPLOAD_BYTES
#: One file of the largest size with its form around it; nothing larger gets past the door.
MAX_REQUEST_BYTES = MAX_UPLOAD_BYTES + 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.MultiPartParser"],
    "EXCEPTION_HANDLER": "support.api.handle_exception",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Skep API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "OAS_VERSION": "3.1.0",
}

DATASET_QUERY_DAYS = env.DATASET_QUERY_DAYS
TRACE_LIST_SECONDS = env.TRACE_LIST_SECONDS
PUBLIC_URL = env.PUBLIC_URL
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.EMAIL_HOST
EMAIL_PORT = env.EMAIL_PORT
EMAIL_HOST_USER = env.EMAIL_HOST_USER
EMAIL_HOST_PASSWORD = env.EMAIL_HOST_PASSWORD
EMAIL_USE_TLS = env.EMAIL_SECURITY == "starttls"
EMAIL_USE_SSL = env.EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.EMAIL_FROM

VECTOR_STORE = env.VECTOR_STORE
QDRANT_URL = env.QDRANT_URL
QDRANT_API_KEY = env.QDRANT_API_KEY
MILVUS_URI = env.MILVUS_URI
MILVUS_TOKEN = env.MILVUS_TOKEN
WEAVIATE_URL = env.WEAVIATE_URL
WEAVIATE_GRPC_URL = env.WEAVIATE_GRPC_URL
WEAVIATE_API_KEY = env.WEAVIATE_API_KEY
SANDBOX_URL = env.sandbox_url()
SANDBOX_API_KEY = env.SANDBOX_API_KEY
MODEL_MAP = env.model_map()
ENV_PROVIDERS = env.env_providers()
RUN_STEPS = env.RUN_STEPS
NODES_AT_ONCE = env.NODES_AT_ONCE
MODEL_CALLS_AT_ONCE = env.MODEL_CALLS_AT_ONCE
EGRESS_ALLOW = env.EGRESS_ALLOW
EGRESS_DENY = env.EGRESS_DENY

X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
    },
}
