"""Settings from the environment: every name, its default and what it means."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class SettingsError(Exception):
    """A setting is wrong; str(error) is one sentence that names it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is too much. Bytes, characters or counts, as the name says."""

    title_characters: int = 255
    name_characters: int = 128
    content_bytes: int = 1 * MIB
    body_bytes: int = 8 * MIB
    attachment_bytes: int = 2 * GIB
    attachments_per_issue: int = 1_000
    repository_bytes: int = 10 * GIB
    archive_bytes: int = 8 * GIB
    archive_entries: int = 60_000
    archive_unpacked_bytes: int = 16 * GIB
    archive_directory_bytes: int = 16 * MIB
    archive_people: int = 100_000
    query_bytes: int = 2 * KIB
    query_depth: int = 20
    query_terms: int = 50


_DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Settings:
    """What Pail runs with. See README, "Settings"."""

    host: str = "127.0.0.1"
    port: int = 8080
    web_concurrency: int = 1
    data_dir: Path = Path("data")
    database: Path = Path("data/pail.db")
    redis_url: str | None = None
    public_url: str | None = None
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    keep_replaced_days: int = 30
    keep_exports_days: int = 7
    job_attempts: int = 3
    job_stalled_seconds: int = 60
    job_patience_seconds: int = 300
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


NAMES = (
    "HOST",
    "PORT",
    "WEB_CONCURRENCY",
    "DATABASE_URL",
    "REDIS_URL",
    "PAIL_DATA_DIR",
    "PAIL_PUBLIC_URL",
    "PAIL_ALLOWED_HOSTS",
    "PAIL_KEEP_REPLACED_DAYS",
    "PAIL_KEEP_EXPORTS_DAYS",
    "PAIL_JOB_ATTEMPTS",
    "PAIL_JOB_STALLED_SECONDS",
    "PAIL_JOB_PATIENCE_SECONDS",
    "PAIL_MAX_CONTENT_BYTES",
    "PAIL_MAX_BODY_BYTES",
    "PAIL_MAX_ATTACHMENT_BYTES",
    "PAIL_MAX_ATTACHMENTS_PER_ISSUE",
    "PAIL_MAX_REPOSITORY_BYTES",
    "PAIL_MAX_ARCHIVE_BYTES",
    "PAIL_MAX_ARCHIVE_ENTRIES",
    "PAIL_MAX_ARCHIVE_UNPACKED_BYTES",
    "PAIL_MAX_QUERY_BYTES",
    "PAIL_MAX_QUERY_DEPTH",
    "PAIL_MAX_QUERY_TERMS",
)
"""Every variable that is read; a test compares them with README."""


def load() -> Settings:
    """Settings from the process's environment.

    Raises SettingsError with one clear sentence that names the variable.
    """
    env = Env()
    try:
        data_dir = Path(env.str("PAIL_DATA_DIR", "data")).expanduser()
        return Settings(
            host=env.str("HOST", "127.0.0.1"),
            port=_whole(env, "PORT", 8080, 0, 65_535),
            web_concurrency=_whole(env, "WEB_CONCURRENCY", 1, 1, 64),
            data_dir=data_dir,
            database=_database(env.str("DATABASE_URL", ""), data_dir),
            redis_url=_redis_url(env.str("REDIS_URL", "")),
            public_url=_public_url(env.str("PAIL_PUBLIC_URL", "")),
            allowed_hosts=_hosts(env.str("PAIL_ALLOWED_HOSTS", "localhost,127.0.0.1,::1")),
            keep_replaced_days=_whole(env, "PAIL_KEEP_REPLACED_DAYS", 30, 0, 36_500),
            keep_exports_days=_whole(env, "PAIL_KEEP_EXPORTS_DAYS", 7, 0, 36_500),
            job_attempts=_whole(env, "PAIL_JOB_ATTEMPTS", 3, 1, 100),
            job_stalled_seconds=_whole(env, "PAIL_JOB_STALLED_SECONDS", 60, 1, 86_400),
            job_patience_seconds=_whole(env, "PAIL_JOB_PATIENCE_SECONDS", 300, 1, 86_400),
            limits=Limits(
                content_bytes=_size(env, "PAIL_MAX_CONTENT_BYTES", _DEFAULT.content_bytes),
                body_bytes=_size(env, "PAIL_MAX_BODY_BYTES", _DEFAULT.body_bytes),
                attachment_bytes=_size(env, "PAIL_MAX_ATTACHMENT_BYTES", _DEFAULT.attachment_bytes),
                attachments_per_issue=_size(
                    env, "PAIL_MAX_ATTACHMENTS_PER_ISSUE", _DEFAULT.attachments_per_issue
                ),
                repository_bytes=_size(env, "PAIL_MAX_REPOSITORY_BYTES", _DEFAULT.repository_bytes),
                archive_bytes=_size(env, "PAIL_MAX_ARCHIVE_BYTES", _DEFAULT.archive_bytes),
                archive_entries=_size(env, "PAIL_MAX_ARCHIVE_ENTRIES", _DEFAULT.archive_entries),
                archive_unpacked_bytes=_size(
                    env, "PAIL_MAX_ARCHIVE_UNPACKED_BYTES", _DEFAULT.archive_unpacked_bytes
                ),
                # As much as a database's own limits let through.
                query_bytes=_whole(env, "PAIL_MAX_QUERY_BYTES", _DEFAULT.query_bytes, 1, 32 * KIB),
                query_depth=_whole(env, "PAIL_MAX_QUERY_DEPTH", _DEFAULT.query_depth, 1, 30),
                query_terms=_whole(env, "PAIL_MAX_QUERY_TERMS", _DEFAULT.query_terms, 1, 500),
            ),
        )
    except EnvError as error:
        raise SettingsError(str(error)) from error


def _whole(env: Env, name: str, default: int, low: int, high: int) -> int:
    text = env.str(name, "").strip() or str(default)
    if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {text!r}.")
    return int(text)


def _size(env: Env, name: str, default: int) -> int:
    return _whole(env, name, default, 1, 1 << 50)


def _database(url: str, data_dir: Path) -> Path:
    if not url:
        return data_dir / "pail.db"
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
