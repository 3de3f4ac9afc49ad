"""What a node looks up in its sources for one question and one clause."""

from dataclasses import dataclass

from landbridge.memorandum.condition import Rule
from landbridge.subject import SubjectId

Question = tuple[str, tuple[Rule, ...]]
"""A question with yes or no: its name, and what a record must meet for a yes."""


@dataclass(frozen=True, slots=True, order=True)
class Withdrawn:
    """A record that is given no more, and by which identifier it was found to be the subject's."""

    record: str
    subject: SubjectId


@dataclass(frozen=True, slots=True)
class Lookup:
    """The records of one dataset on one subject, cut to fields and rows."""

    dataset: str
    fields: tuple[str, ...]
    """Canonical fields; no other field's column is read."""
    where: tuple[Rule, ...]
    """Row conditions, all of which a record must meet."""
    asked: SubjectId
    """The identifier that the requester signed."""
    aliases: tuple[SubjectId, ...]
    """Other proven identifiers of the subject."""
    broad: bool
    """Whether any key that matches any identifier will do, as in a resolve step."""
    predicates: tuple[Question, ...] = ()
    """Questions that are answered instead of fields; no rule holds a `within` or an asked value any
    more."""
    counted: bool = False
    """Whether the records are only counted: nothing of them is read but their keys."""
    without: tuple[Withdrawn, ...] = ()
    """Records that are left out."""
    only: tuple[Withdrawn, ...] = ()
    """Where there are any: the records that are read, and no others."""
