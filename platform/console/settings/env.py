"""The environment, read once: every variable the product knows is named in this file."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from apps.sandbox.address import parse_address
from console.embedded.datadir import DataDir
from console.embedded.locks import running_addresses

ROOT = Path(__file__).resolve().parents[3]

DATA_DIR = Path(os.environ.get("SKEP_DATA_DIR", ROOT / ".skep")).resolve()
# A command in another shell talks to the services of the copy that runs on the data directory.
_RUNNING = {} if os.environ.get("DATABASE_URL") else running_addresses(DataDir(DATA_DIR))
DATABASE_URL = os.environ.get("DATABASE_URL") or _RUNNING.get("DATABASE_URL", "")
TRACES_DATABASE_URL = os.environ.get("TRACES_DATABASE_URL", "")
TRACES_RETENTION_DAYS = int(os.environ.get("TRACES_RETENTION_DAYS", "0"))
REDIS_URL = os.environ.get("REDIS_URL") or _RUNNING.get("REDIS_URL", "redis://127.0.0.1:6379/0")
SECRET_KEY = os.environ.get("SECRET_KEY", "")
ENCRYPTION_KEYS = [key for key in os.environ.get("ENCRYPTION_KEYS", "").split(",") if key]
ALLOWED_HOSTS = [host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host]
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]
# How long the questions that datasets were asked are kept.
DATASET_QUERY_DAYS = int(os.environ.get("DATASET_QUERY_DAYS", "90"))
# How long a list of traces may keep the database busy before its query is ended.
TRACE_LIST_SECONDS = float(os.environ.get("TRACE_LIST_SECONDS", "8"))
#: The largest file that is taken, in bytes; a request may be one megabyte more.
MAX_UPLOAD_BYTES = int(os.environ.get("MAX_UPLOAD_BYTES", str(100 * 1024 * 1024)))
VECTOR_STORE = os.environ.get("VECTOR_STORE", "pgvector")
# Where the other vector stores are: the operator's word, trusted as DATABASE_URL is.
QDRANT_URL = os.environ.get("QDRANT_URL", "")
QDRANT_API_KEY = os.environ.get("QDRANT_API_KEY", "")
MILVUS_URI = os.environ.get("MILVUS_URI", "")
MILVUS_TOKEN = os.environ.get("MILVUS_TOKEN", "")
WEAVIATE_URL = os.environ.get("WEAVIATE_URL", "")
WEAVIATE_GRPC_URL = os.environ.get("WEAVIATE_GRPC_URL", "")
WEAVIATE_API_KEY = os.environ.get("WEAVIATE_API_KEY", "")
# Where people reach the installation from outside, for links in e-mails: if nobody said, where `manage.py up` listens.
PUBLIC_URL = (
    os.environ.get("PUBLIC_URL") or os.environ.get("SKEP_URL") or _RUNNING.get("SKEP_URL") or "http://localhost:8000"
).rstrip("/")
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
#: `starttls`, `tls` or `none`.
EMAIL_SECURITY = os.environ.get("EMAIL_SECURITY", "starttls")
EMAIL_FROM = os.environ.get("EMAIL_FROM", "Skep <skep@localhost>")
#: Nodes that one run may start in all.
RUN_STEPS = int(os.environ.get("RUN_STEPS", "100000"))
#: Limits of one process: nodes at work at once, and calls at once through one provider account that has no limit set.
NODES_AT_ONCE = int(os.environ.get("NODES_AT_ONCE", "512"))
MODEL_CALLS_AT_ONCE = int(os.environ.get("MODEL_CALLS_AT_ONCE", "64"))
EGRESS_ALLOW = os.environ.get("EGRESS_ALLOW", "")
EGRESS_DENY = os.environ.get("EGRESS_DENY", "")
SANDBOX_URL = os.environ.get("SANDBOX_URL") or _RUNNING.get("SANDBOX_URL", "")
SANDBOX_API_KEY = os.environ.get("SANDBOX_API_KEY", "")
# SANDBOX_FLOOR, the least isolation to run with, is for the sandbox itself: `manage.py up` hands it on.


def secret_from(name: str, value: str) -> str:
    """The value of the environment, else one kept in the data directory, made on first use and readable by us only."""
    if value:
        return value
    path = DATA_DIR / name
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(48)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made)
    except FileExistsError:  # another process of ours was first
        return path.read_text().strip()
    return made


def sandbox_url() -> str:
    """`SANDBOX_URL`, refused at once where it cannot be read; without it no code is run."""
    try:
        parse_address(SANDBOX_URL)
    except ValueError as exc:
        raise SystemExit(str(exc)) from exc
    return SANDBOX_URL


def model_map() -> dict[str, str]:
    """`MODEL_MAP`: names that documents ask for -> names that exist, `*` for the rest."""
    raw = os.environ.get("MODEL_MAP", "")
    if not raw:
        return {}
    try:
        parsed = json.loads(raw)
    except json.JSONDecodeError as exc:
        raise SystemExit(f"MODEL_MAP is not JSON: {exc}") from exc
    if not isinstance(parsed, dict):
        raise SystemExit('MODEL_MAP must be a JSON object such as {"*": "openai/gpt-4o-mini"}')
    return {str(name): str(target) for name, target in parsed.items()}


def env_providers() -> list[dict[str, str]]:
    """Model providers that the operator put into the environment."""
    key, url = os.environ.get("OPENAI_API_KEY", ""), os.environ.get("OPENAI_BASE_URL", "")
    if not key and not url:
        return []
    return [
        {
            "name": "openai",
            "kind": "openai_compatible",
            "base_url": url or "https://api.openai.com/v1",
            "api_key": key,
            "chat_model": os.environ.get("OPENAI_MODEL", ""),
            "embedding_model": os.environ.get("OPENAI_EMBEDDING_MODEL", ""),
            "rerank_model": os.environ.get("OPENAI_RERANK_MODEL", ""),
        }
    ]


def database(url: str, **options: Any) -> dict[str, Any]:
    """Django's settings for a `postgresql://` URL (a `host` query parameter names a socket directory)."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise SystemExit(f"DATABASE_URL must begin with postgresql://, not {parts.scheme or 'nothing'}://")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "skep",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", unquote(parts.hostname or "")),
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 0,
        # A pool asks a connection whether it lives before it lends it: after a restart of the database the first
        # request on each of them would fail. Without a pool every visit opens its own.
        "CONN_HEALTH_CHECKS": "pool" in options,
        "OPTIONS": {**query, **options},
    }
