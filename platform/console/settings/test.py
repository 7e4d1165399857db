"""What the test suite runs with: the real services, started by tests/services.py, and fast password hashing."""

from console.settings.base import *  # noqa: F403

ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True
# Each thread of a test opens its own connection; a pool would outlive the test database.
for _alias in ("default", "traces"):
    DATABASES[_alias]["OPTIONS"].pop("pool", None)  # noqa: F405
