"""The ids of an archive's comments: kept where they are unique, new where they are not."""

from collections.abc import Mapping

from tracker.archive.records import Comment
from tracker.errors import Invalid
from tracker.vocabulary import LARGEST_ID

MOST_MOVED = 500_000
"""Comments an archive whose ids other issues' comments have: each is kept in memory."""


class Numbering:
    """Gives ids to comments, in the archive's order; count tells how many got new ones.

    first is the first new id: no comment and no log row of the archive has or names a higher one.
    """

    def __init__(self, first: int) -> None:
        self.count = 0
        self._next = first
        self._moved: dict[int, int] = {}

    def new(self) -> int:
        """The next new id. Raises Invalid when none is left."""
        if self._next > LARGEST_ID:
            raise Invalid("There is no id left for a comment.")
        self._next += 1
        return self._next - 1

    def take(self, comment: Comment, owners: Mapping[int, int]) -> int:
        """The comment's id in the tracker; owners are the issues of those taken, by id.

        Raises Invalid for the same id twice on one issue, and when no id is left.
        """
        owner = None if comment.id is None else owners.get(comment.id)
        if comment.id is not None and owner is None:
            return comment.id
        self.count += 1
        if comment.id is None:
            return self.new()
        key = _key(comment.issue, comment.id)
        if owner == comment.issue or key in self._moved:
            raise Invalid(f"{comment.id} is there twice on issue {comment.issue}.")
        if len(self._moved) >= MOST_MOVED:
            raise Invalid(f"More than {MOST_MOVED} comments have ids of other issues' comments.")
        self._moved[key] = new = self.new()
        return new

    def find(self, issue: int, comment_id: int | None) -> int | None:
        """The id in the tracker of the comment that a log row of an issue names."""
        return None if comment_id is None else self._moved.get(_key(issue, comment_id), comment_id)


def _key(issue: int, comment_id: int) -> int:
    """Both in one number, which takes less memory than a pair."""
    return issue * (LARGEST_ID + 1) + comment_id
