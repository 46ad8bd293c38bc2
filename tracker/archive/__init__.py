"""The zip that Bitbucket exports and imports: records in, records out.

Reading trusts nothing; writing gives what Bitbucket's own importer and the known migration tools
read. No database and no HTTP here, and nothing is asynchronous: call it in a thread.
"""

from tracker.archive.members import Member
from tracker.archive.reading import Archive, Progress, Scan, open_archive
from tracker.archive.records import Attachment, Comment, Issue, Log, Meta, Person

__all__ = [
    "Archive",
    "Attachment",
    "Comment",
    "Issue",
    "Log",
    "Member",
    "Meta",
    "Person",
    "Progress",
    "Scan",
    "open_archive",
]
