"""What `manage.py up` runs with: one machine, loopback, safe defaults."""

from console.settings import env
from console.settings.base import *  # noqa: F403

ALLOWED_HOSTS = env.ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]", "testserver"]
