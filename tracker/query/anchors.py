"""Anchors: the keys at every so many places of long lists, to walk to a far part from near by."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from tracker.database import Revision

EVERY = 500
"""Items from one anchor to the next."""

_WORTH = 8
"""Far parts of a list at one revision after which its anchors are read: that takes as long as
walking to some of them does."""

_MOST = 100
"""Lists whose anchors are kept."""

Key = tuple[str | int | None, ...]


@dataclass(slots=True)
class Anchored:
    """The anchors of one list at one revision; asked counts its far parts."""

    revision: Revision
    asked: int = 0
    keys: Sequence[Key] | None = None

    @property
    def is_worth(self) -> bool:
        """Whether its anchors should be read now."""
        return self.keys is None and self.asked >= _WORTH

    def before(self, offset: int) -> tuple[int, Key] | None:
        """The last anchor at or before an offset: how many items it is behind, and its key."""
        if not self.keys or offset < EVERY:
            return None
        place = min(offset // EVERY, len(self.keys))
        return place * EVERY, self.keys[place - 1]


@dataclass(slots=True)
class Anchors:
    """The anchors of the lists whose far parts were asked for last."""

    _lists: OrderedDict[Hashable, Anchored] = field(default_factory=OrderedDict)

    def of(self, name: Hashable, revision: Revision) -> Anchored:
        """Those of the list of that name at this revision, for one of its far parts."""
        found = self._lists.get(name)
        if found is None or found.revision != revision:
            found = self._lists[name] = Anchored(revision)
        self._lists.move_to_end(name)
        if len(self._lists) > _MOST:
            self._lists.popitem(last=False)
        found.asked += 1
        return found
