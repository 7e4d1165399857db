"""What `manage.py up` runs with: one machine, loopback, safe defaults."""

from console.settings import env
from console.settings.base import *  # noqa: F403

ALLOWED_HOSTS = env.ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]", "testserver"]
if not env.EMAIL_HOST:  # letters appear where the worker logs
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
