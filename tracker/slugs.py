"""Slugs as Bitbucket made them: the readable tail of an issue's address."""

import re
import unicodedata
from functools import lru_cache

_LONGEST = 42
_TAG = re.compile(r"<[^>]*>")
_DROPPED = re.compile(r"[.']")
_OTHER = re.compile(r"[^a-z0-9_]+")


@lru_cache(maxsize=4096)
def issue_slug(title: str) -> str:
    """The last part of /{workspace}/{slug}/issues/{number}/{issue_slug}.

    Found by comparing titles and addresses in recorded answers: at most 42 characters, cut at a
    hyphen; a title without any ASCII letter or digit is as many hyphens as it has characters.
    """
    plain = unicodedata.normalize("NFKD", _TAG.sub("", title)).encode("ascii", "ignore").decode()
    slug = _OTHER.sub("-", _DROPPED.sub("", plain.lower())).strip("-")
    if len(slug) > _LONGEST:
        slug = slug[: _LONGEST + 1].rpartition("-")[0] or slug[:_LONGEST]
    return slug or "-" * min(len(title), _LONGEST)
