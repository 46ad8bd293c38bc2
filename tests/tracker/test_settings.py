"""Settings: the environment in, a value or one clear sentence out."""

from pathlib import Path
from typing import Any

import pytest

from tracker import settings
from tracker.settings import NAMES, Limits, Settings, SettingsError, load


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_nothing_need_be_set() -> None:
    assert load() == Settings()
    assert load().database == Path("data/pail.db")


TAKEN: dict[str, list[tuple[str, str, Any]]] = {
    "HOST": [("0.0.0.0", "host", "0.0.0.0")],
    "PORT": [("0", "port", 0), ("65535", "port", 65_535), (" 80 ", "port", 80)],
    "WEB_CONCURRENCY": [("4", "web_concurrency", 4)],
    "DATABASE_URL": [
        ("sqlite:///a/b.db", "database", Path("a/b.db")),
        ("sqlite:////var/b.db", "database", Path("/var/b.db")),
    ],
    "REDIS_URL": [
        ("redis://queue:6379/1", "redis_url", "redis://queue:6379/1"),
        ("valkey://queue", "redis_url", "redis://queue"),
        ("valkeys://queue", "redis_url", "rediss://queue"),
        ("unix:///run/valkey.sock", "redis_url", "unix:///run/valkey.sock"),
    ],
    "PAIL_DATA_DIR": [
        ("/var/pail", "data_dir", Path("/var/pail")),
        ("/var/pail", "database", Path("/var/pail/pail.db")),
        ("/var/pail", "blobs_dir", Path("/var/pail/blobs")),
        ("/var/pail", "spool_dir", Path("/var/pail/spool")),
        ("/var/pail", "exports_dir", Path("/var/pail/exports")),
    ],
    "PAIL_PUBLIC_URL": [
        ("https://issues.example.org/", "public_url", "https://issues.example.org")
    ],
    "PAIL_ALLOWED_HOSTS": [("A.example, [::1]", "allowed_hosts", ("a.example", "::1"))],
    "PAIL_CACHE_BYTES": [("0", "cache_bytes", 0), ("1024", "cache_bytes", 1024)],
    "PAIL_KEEP_REPLACED_DAYS": [("0", "keep_replaced_days", 0)],
    "PAIL_KEEP_EXPORTS_DAYS": [("1", "keep_exports_days", 1)],
    "PAIL_JOB_ATTEMPTS": [("5", "job_attempts", 5)],
    "PAIL_JOB_STALLED_SECONDS": [("10", "job_stalled_seconds", 10)],
    "PAIL_JOB_PATIENCE_SECONDS": [("10", "job_patience_seconds", 10)],
    "PAIL_MAX_CONTENT_BYTES": [("9", "limits", Limits(content_bytes=9))],
    "PAIL_MAX_BODY_BYTES": [("9", "limits", Limits(body_bytes=9))],
    "PAIL_MAX_ATTACHMENT_BYTES": [("9", "limits", Limits(attachment_bytes=9))],
    "PAIL_MAX_ATTACHMENTS_PER_ISSUE": [("9", "limits", Limits(attachments_per_issue=9))],
    "PAIL_MAX_REPOSITORY_BYTES": [("9", "limits", Limits(repository_bytes=9))],
    "PAIL_MAX_ARCHIVE_BYTES": [("9", "limits", Limits(archive_bytes=9))],
    "PAIL_MAX_ARCHIVE_ENTRIES": [("9", "limits", Limits(archive_entries=9))],
    "PAIL_MAX_ARCHIVE_UNPACKED_BYTES": [("9", "limits", Limits(archive_unpacked_bytes=9))],
    "PAIL_MAX_QUERY_BYTES": [("32768", "limits", Limits(query_bytes=32_768))],
    "PAIL_MAX_QUERY_DEPTH": [("30", "limits", Limits(query_depth=30))],
    "PAIL_MAX_QUERY_TERMS": [("500", "limits", Limits(query_terms=500))],
}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_taken_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, attribute, value in TAKEN[name]:
        monkeypatch.setenv(name, text)
        assert getattr(load(), attribute) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "eighty"),
        ("PORT", "8_0"),
        ("PORT", "٣"),
        ("WEB_CONCURRENCY", "0"),
        ("PAIL_DATA_DIR", "~nobodyhere/data"),
        ("DATABASE_URL", "postgresql://localhost/pail"),
        ("DATABASE_URL", "sqlite://host/x.db"),
        ("DATABASE_URL", "pail.db"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost"),
        ("PAIL_PUBLIC_URL", "issues.example.org"),
        ("PAIL_PUBLIC_URL", "https://issues.example.org/?a=b"),
        ("PAIL_ALLOWED_HOSTS", "a.example;b.example"),
        ("PAIL_KEEP_REPLACED_DAYS", "1.5"),
        ("PAIL_JOB_ATTEMPTS", "0"),
        ("PAIL_JOB_STALLED_SECONDS", "0"),
        ("PAIL_MAX_ARCHIVE_BYTES", "8G"),
        ("PAIL_MAX_QUERY_BYTES", "32769"),
        ("PAIL_MAX_QUERY_DEPTH", "31"),
        ("PAIL_MAX_QUERY_TERMS", "501"),
        ("PAIL_MAX_ARCHIVE_BYTES", "0"),
        ("PAIL_MAX_ARCHIVE_BYTES", "9" * 19),
    ],
)
def test_a_wrong_one_is_named_in_one_sentence(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as refusal:
        load()
    sentence = str(refusal.value)
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("PORT", " x ", "PORT must be a whole number from 0 to 65535, not 'x'."),
        ("PORT", "065536", "PORT must be a whole number from 0 to 65535, not '065536'."),
        (
            "PAIL_MAX_BODY_BYTES",
            "0",
            "PAIL_MAX_BODY_BYTES must be a whole number from 1 to 1125899906842624, not '0'.",
        ),
        (
            "DATABASE_URL",
            "pail.db",
            "DATABASE_URL must look like sqlite:///relative.db or sqlite:////absolute.db,"
            " not 'pail.db'.",
        ),
        (
            "REDIS_URL",
            "localhost",
            "REDIS_URL must look like redis://host:6379/0 or unix:///path, not 'localhost'.",
        ),
        (
            "PAIL_PUBLIC_URL",
            "it's",
            'PAIL_PUBLIC_URL must look like https://issues.example.org, not "it\'s".',
        ),
        (
            "PAIL_ALLOWED_HOSTS",
            "a, B c",
            "PAIL_ALLOWED_HOSTS must be names separated by commas; 'b c' is not one.",
        ),
    ],
)
def test_the_sentence_says_what_is_possible(
    name: str, text: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as refusal:
        load()
    assert str(refusal.value) == sentence


def test_the_first_wrong_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, ";")
    with pytest.raises(SettingsError, match=r"^PORT "):
        load()


def test_an_empty_one_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "DATABASE_URL", "REDIS_URL", "PAIL_PUBLIC_URL", "PAIL_MAX_BODY_BYTES"):
        monkeypatch.setenv(name, "")
    assert load() == Settings()


def test_the_unit_names_are_what_they_say() -> None:
    assert (settings.KIB, settings.MIB, settings.GIB) == (2**10, 2**20, 2**30)


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "PAIL_PUBLIC_URL"])
def test_what_is_no_address_at_all_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://[")
    with pytest.raises(SettingsError, match=rf"^{name} must look like .+, not 'http://\['\.$"):
        load()
