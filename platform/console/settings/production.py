"""What an installation behind a TLS proxy runs with. Secrets and hosts must come from the environment."""

from console.settings import env
from console.settings.base import *  # noqa: F403

for _name in ("SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "ALLOWED_HOSTS"):
    if not getattr(env, _name):
        raise SystemExit(f"{_name} must be set in the environment for console.settings.production")

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_HSTS_SECONDS = 31_536_000
