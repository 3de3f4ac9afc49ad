"""What a node looks up in its sources for one question and one clause."""

from dataclasses import dataclass, field

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
class Wanted:
    """What is read of one dataset, cut to fields and rows; lookups that want the same share it.

    Its hash is worked out once: it is looked up for every question.
    """

    dataset: str
    fields: tuple[str, ...]
    """Canonical fields; no other field's column is read."""
    where: tuple[Rule, ...]
    """Row conditions, all of which a record must meet."""
    predicates: tuple[Question, ...] = ()
    """Questions that are answered instead of fields; no rule holds a `within` or an asked value any
    more."""
    counted: bool = False
    """Whether the records are only counted: nothing of them is read but their keys."""
    without: tuple[Withdrawn, ...] = ()
    """Records that are left out."""
    only: tuple[Withdrawn, ...] = ()
    """Where there are any: the records that are read, and no others."""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out the hash."""
        parts = (
            self.dataset,
            self.fields,
            self.where,
            self.predicates,
            self.counted,
            self.without,
            self.only,
        )
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        """Return the hash of all that it wants."""
        return self._hash


@dataclass(slots=True)
class Lookup:
    """What is wanted of the records on one subject."""

    wanted: Wanted
    asked: SubjectId
    """The identifier that the requester signed."""
    aliases: tuple[SubjectId, ...] = ()
    """Other proven identifiers of the subject."""
    broad: bool = False
    """Whether any key that matches any identifier will do, as in a resolve step."""
