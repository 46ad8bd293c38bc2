"""The key of the instance: all its processes sign and derive secrets with it."""

import hashlib
import hmac
import secrets
from pathlib import Path

from tracker import files

SIZE = 32
"""Bytes of the key."""


class KeyUnusable(Exception):
    """The key can't be read or made; str(error) is one sentence that says why."""


def shared_key(path: Path) -> bytes:
    """The key in that file, made when there is none. Raises KeyUnusable."""
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"The key {path} can't be read or made: {error.strerror}.") from error
    if len(key) != SIZE:
        raise KeyUnusable(
            f"The key {path} has {len(key)} bytes instead of {SIZE}: bring it back from a backup, "
            "or remove it, and a new one is made."
        )
    return key


def _make(path: Path) -> None:
    """Make the key, unless another process has been quicker."""
    files.make_folder(path.parent)
    with files.new_file(path, overwrite=False) as file:
        file.write(secrets.token_bytes(SIZE))


def derived(key: bytes, purpose: str, size: int) -> bytes:
    """The first bytes (at most 32) of an HMAC: the same for the same key and purpose."""
    return hmac.new(key, purpose.encode(), hashlib.sha256).digest()[:size]
