"""Settings from the environment: each is one line of Settings or Limits.

The line says the name of the variable, the default and what may be given.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from environs import Env, EnvValidationError, ValidationError

Value = TypeVar("Value")

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class SettingsError(Exception):
    """A setting is wrong; str(error) is one sentence that names it."""


def _setting(variable: str, default: Value, parse: Callable[[str], Value | None]) -> Value:
    """A field that is read from a variable.

    parse makes the value of the variable's text, None where the text counts as not set. It raises
    ValidationError with what comes after the variable's name in the sentence of the error.
    """
    return field(default=default, metadata={"variable": variable, "parse": parse})


def _whole(variable: str, default: int, low: int, high: int) -> int:
    def parse(text: str) -> int | None:
        text = text.strip()
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise ValidationError(f"must be a whole number from {low} to {high}, not {text!r}.")
        return int(text)

    return _setting(variable, default, parse)


def _size(variable: str, default: int) -> int:
    return _whole(variable, default, 1, 1 << 50)


def _split(url: str) -> SplitResult:
    """The parts of an address; all are empty where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValidationError(f"must be a folder; {text!r} names an unknown user.") from None


def _database(url: str) -> Path | None:
    if not url:
        return None
    parts = _split(url)
    if parts.scheme != "sqlite" or parts.netloc or len(parts.path) < 2:
        raise ValidationError(
            f"must look like sqlite:///relative.db or sqlite:////absolute.db, not {url!r}."
        )
    return Path(parts.path[1:])


def _redis_url(url: str) -> str | None:
    if not url:
        return None
    parts = _split(url)
    if parts.scheme not in ("redis", "rediss", "unix", "valkey", "valkeys") or not (
        parts.netloc or parts.path
    ):
        raise ValidationError(f"must look like redis://host:6379/0 or unix:///path, not {url!r}.")
    return re.sub(r"^valkey", "redis", url)


def _public_url(url: str) -> str | None:
    if not url:
        return None
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValidationError(f"must look like https://issues.example.org, not {url!r}.")
    return url.rstrip("/")


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(host.strip().lower().strip("[]") for host in text.split(",") if host.strip())
    for host in hosts:
        if not re.fullmatch(r"[0-9a-z_.:-]+", host):
            raise ValidationError(f"must be names separated by commas; {host!r} is not one.")
    return hosts


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is too much. Bytes, characters or counts, as the name says."""

    title_characters: int = 255
    name_characters: int = 128
    content_bytes: int = _size("PAIL_MAX_CONTENT_BYTES", 1 * MIB)
    body_bytes: int = _size("PAIL_MAX_BODY_BYTES", 8 * MIB)
    attachment_bytes: int = _size("PAIL_MAX_ATTACHMENT_BYTES", 2 * GIB)
    attachments_per_issue: int = _size("PAIL_MAX_ATTACHMENTS_PER_ISSUE", 1_000)
    repository_bytes: int = _size("PAIL_MAX_REPOSITORY_BYTES", 10 * GIB)
    archive_bytes: int = _size("PAIL_MAX_ARCHIVE_BYTES", 8 * GIB)
    archive_entries: int = _size("PAIL_MAX_ARCHIVE_ENTRIES", 60_000)
    archive_unpacked_bytes: int = _size("PAIL_MAX_ARCHIVE_UNPACKED_BYTES", 16 * GIB)
    archive_directory_bytes: int = 16 * MIB
    archive_people: int = 100_000
    # As much as a database's own limits let through.
    query_bytes: int = _whole("PAIL_MAX_QUERY_BYTES", 2 * KIB, 1, 32 * KIB)
    query_depth: int = _whole("PAIL_MAX_QUERY_DEPTH", 20, 1, 30)
    query_terms: int = _whole("PAIL_MAX_QUERY_TERMS", 50, 1, 500)


@dataclass(frozen=True, slots=True)
class Settings:
    """What Pail runs with. See README, "Settings"."""

    host: str = _setting("HOST", "127.0.0.1", str)
    port: int = _whole("PORT", 8080, 0, 65_535)
    web_concurrency: int = _whole("WEB_CONCURRENCY", 1, 1, 64)
    data_dir: Path = _setting("PAIL_DATA_DIR", Path("data"), _folder)
    database: Path = _setting("DATABASE_URL", Path("data/pail.db"), _database)
    redis_url: str | None = _setting("REDIS_URL", None, _redis_url)
    public_url: str | None = _setting("PAIL_PUBLIC_URL", None, _public_url)
    allowed_hosts: tuple[str, ...] = _setting(
        "PAIL_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "::1"), _hosts
    )
    cache_bytes: int = _whole("PAIL_CACHE_BYTES", 32 * MIB, 0, 1 << 40)
    keep_replaced_days: int = _whole("PAIL_KEEP_REPLACED_DAYS", 30, 0, 36_500)
    keep_exports_days: int = _whole("PAIL_KEEP_EXPORTS_DAYS", 7, 0, 36_500)
    job_attempts: int = _whole("PAIL_JOB_ATTEMPTS", 3, 1, 100)
    job_stalled_seconds: int = _whole("PAIL_JOB_STALLED_SECONDS", 60, 1, 86_400)
    job_patience_seconds: int = _whole("PAIL_JOB_PATIENCE_SECONDS", 300, 1, 86_400)
    limits: Limits = field(default_factory=Limits)

    @property
    def blobs_dir(self) -> Path:
        """Where the bytes of attachments lie."""
        return self.data_dir / "blobs"

    @property
    def spool_dir(self) -> Path:
        """Uploads, unpacked archives and exports that are being made."""
        return self.data_dir / "spool"

    @property
    def exports_dir(self) -> Path:
        """Finished exports, removed after keep_exports_days."""
        return self.data_dir / "exports"

    @property
    def key_file(self) -> Path:
        """The key with which addresses of downloads are signed."""
        return self.data_dir / "download.key"

    def export_path(self, job_uuid: str) -> Path:
        """Where the finished zip of an export lies."""
        return self.exports_dir / f"{job_uuid}.zip"


NAMES = tuple(
    each.metadata["variable"] for of in (Settings, Limits) for each in fields(of) if each.metadata
)
"""Every variable that is read; a test compares them with README."""


def load() -> Settings:
    """Settings from the process's environment.

    The database is in the data directory unless DATABASE_URL says otherwise.
    Raises SettingsError with one clear sentence that names the variable.
    """
    env = Env()
    env.add_parser("setting", lambda text, parse: None if text is None else parse(text))
    given = _given(env, Settings)
    if "data_dir" in given:
        given.setdefault("database", given["data_dir"] / "pail.db")
    return Settings(**given, limits=Limits(**_given(env, Limits)))


def _given(env: Env, of: type[Settings | Limits]) -> dict[str, Any]:
    """The values of the fields whose variables are set."""
    found: dict[str, Any] = {}
    for each in fields(of):
        if each.metadata:
            variable = each.metadata["variable"]
            try:
                value = env.setting(variable, None, parse=each.metadata["parse"])
            except EnvValidationError as error:
                raise SettingsError(" ".join([variable, *error.error_messages])) from error
            if value is not None:
                found[each.name] = value
    return found
