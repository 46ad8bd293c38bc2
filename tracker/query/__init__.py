"""The query language of lists: what q and sort ask for, in SQL.

grammar.py reads q, catalogue.py says what a list can be asked, compiling.py brings them together.
No text of a user ever gets into SQL: what a path stands for comes from a catalogue, every value
is a parameter.
"""

from tracker.query.catalogue import Catalogue, Column, Type
from tracker.query.compiling import Selection, select, selected, unknown

__all__ = ["Catalogue", "Column", "Selection", "Type", "select", "selected", "unknown"]
