"""Encrypts the keys we hold. The newest encryption key writes; every listed one reads."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_PURPOSE = b"skep.providers.credentials.v1"
_FERNET_KEY_BYTES = 32


class UnreadableSecret(ValueError):
    """None of the encryption keys opens it: a key was removed before the secrets were rotated."""


def encrypt(secret: str) -> str:
    """Encrypt under the newest key."""
    return _box().encrypt(secret.encode()).decode()


def decrypt(token: str) -> str:
    """Read what any of the listed keys wrote. Raises UnreadableSecret."""
    try:
        return _box().decrypt(token.encode()).decode()
    except InvalidToken as exc:
        raise UnreadableSecret("The stored key cannot be decrypted with the present ENCRYPTION_KEYS.") from exc


def rotate(token: str) -> str:
    """The same secret under the newest key. Raises UnreadableSecret."""
    try:
        return _box().rotate(token.encode()).decode()
    except InvalidToken as exc:
        raise UnreadableSecret("The stored key cannot be decrypted with the present ENCRYPTION_KEYS.") from exc


def _box() -> MultiFernet:
    keys = tuple(settings.ENCRYPTION_KEYS)
    if not keys:
        raise ImproperlyConfigured("ENCRYPTION_KEYS is empty: no secret can be stored or read.")
    return _box_of(keys)


@lru_cache(maxsize=4)
def _box_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_fernet_key(key)) for key in keys])


def _fernet_key(key: str) -> bytes:
    """A proper Fernet key as it is; any other string through HKDF."""
    try:
        if len(base64.b64decode(key.encode(), altchars=b"-_", validate=True)) == _FERNET_KEY_BYTES:
            return key.encode()
    except (binascii.Error, UnicodeEncodeError):
        pass  # any text is accepted as a key
    derived = HKDF(algorithm=hashes.SHA256(), length=_FERNET_KEY_BYTES, salt=None, info=_PURPOSE).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
