"""Settings from the environment: every name, its default, its limits and what it means."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environs import Env

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class SettingsError(Exception):
    """A setting is wrong; str(error) is one sentence that names it."""


def _read(name: str, default: Any, parse: Callable[[str], Any]) -> Any:
    """A member that is read from the variable of that name, if there is one.

    parse() makes its value of a text, and raises SettingsError.
    """
    return dataclasses.field(default=default, metadata={"name": name, "parse": parse})


def _whole(name: str, default: int, low: int, high: int) -> int:
    """A member that is a whole number from low to high; a blank text means the default."""

    def parse(given: str) -> int:
        text = given.strip() or str(default)
        if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise SettingsError(
                f"{name} must be a whole number from {low} to {high}, not {text!r}."
            )
        return int(text)

    number: int = _read(name, default, parse)
    return number


def _size(name: str, default: int) -> int:
    return _whole(name, default, 1, 1 << 50)


def _folder(path: str) -> Path:
    return Path(path).expanduser()


def _database(url: str) -> Path | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "sqlite" or parts.netloc or len(parts.path) < 2:
        raise SettingsError(
            "DATABASE_URL must look like sqlite:///relative.db or sqlite:////absolute.db, "
            f"not {url!r}."
        )
    return Path(parts.path[1:])


def _redis_url(url: str) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix", "valkey", "valkeys") or not (
        parts.netloc or parts.path
    ):
        raise SettingsError(
            f"REDIS_URL must look like redis://host:6379/0 or unix:///path, not {url!r}."
        )
    return re.sub(r"^valkey", "redis", url)


def _public_url(url: str) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(
            f"PAIL_PUBLIC_URL must look like https://issues.example.org, not {url!r}."
        )
    return url.rstrip("/")


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(host.strip().lower().strip("[]") for host in text.split(",") if host.strip())
    for host in hosts:
        if not re.fullmatch(r"[0-9a-z_.:-]+", host):
            raise SettingsError(
                f"PAIL_ALLOWED_HOSTS must be names separated by commas; {host!r} is not one."
            )
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

    host: str = _read("HOST", "127.0.0.1", str)
    port: int = _whole("PORT", 8080, 0, 65_535)
    web_concurrency: int = _whole("WEB_CONCURRENCY", 1, 1, 64)
    data_dir: Path = _read("PAIL_DATA_DIR", Path("data"), _folder)
    database: Path = _read("DATABASE_URL", Path("data/pail.db"), _database)
    redis_url: str | None = _read("REDIS_URL", None, _redis_url)
    public_url: str | None = _read("PAIL_PUBLIC_URL", None, _public_url)
    allowed_hosts: tuple[str, ...] = _read(
        "PAIL_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "::1"), _hosts
    )
    keep_replaced_days: int = _whole("PAIL_KEEP_REPLACED_DAYS", 30, 0, 36_500)
    keep_exports_days: int = _whole("PAIL_KEEP_EXPORTS_DAYS", 7, 0, 36_500)
    job_attempts: int = _whole("PAIL_JOB_ATTEMPTS", 3, 1, 100)
    job_stalled_seconds: int = _whole("PAIL_JOB_STALLED_SECONDS", 60, 1, 86_400)
    job_patience_seconds: int = _whole("PAIL_JOB_PATIENCE_SECONDS", 300, 1, 86_400)
    limits: Limits = dataclasses.field(default_factory=Limits)

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
    member.metadata["name"]
    for table in (Settings, Limits)
    for member in dataclasses.fields(table)
    if "name" in member.metadata
)
"""Every variable that is read; a test compares them with README."""


def load() -> Settings:
    """Settings from the process's environment.

    Raises SettingsError with one clear sentence that names the variable.
    """
    env = Env()
    values = _values(env, Settings)
    if values.get("database") is None:  # it lies in the data directory, wherever that is
        values["database"] = values.get("data_dir", Settings().data_dir) / "pail.db"
    return Settings(**values, limits=Limits(**_values(env, Limits)))


def _values(env: Env, table: type[Settings] | type[Limits]) -> dict[str, Any]:
    """The members of a table that the environment has a text for."""
    found = {}
    for member in dataclasses.fields(table):
        text = env.str(member.metadata["name"], None) if "name" in member.metadata else None
        if text is not None:
            found[member.name] = member.metadata["parse"](text)
    return found
