"""Folded text: what searches compare, so that case and composition don't matter."""

import unicodedata


def fold(text: str | None) -> str | None:
    """The text without case, its accents composed (NFC); None stays None.

    SQL calls it as fold(text).
    """
    if text is None or text.isascii():
        return text and text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class Folding:
    """fold() for one connection: it knows the last text again.

    A search asks for the fold of a text once for each of its terms, one after the other. Called by
    the connection's thread alone.
    """

    def __init__(self) -> None:
        self._text: str | None = None
        self._folded: str | None = None

    def __call__(self, text: str | None) -> str | None:
        """The text folded, as fold() does it."""
        if text != self._text:
            self._text, self._folded = text, fold(text)
        return self._folded
