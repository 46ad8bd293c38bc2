"""Folded text: what searches compare, so that case and composition don't matter."""

import unicodedata


def fold(text: str | None) -> str | None:
    """The text without case, its accents composed (NFC); None stays None.

    SQL calls it as fold(text).
    """
    if text is None or text.isascii():
        return text and text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
