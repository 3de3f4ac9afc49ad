"""Records that are left out of what is read: withdrawn ones, cut in the statement itself.

A record is known by its name and by a key that names the subject of its case, so that a row which
another edition of a file has moved to the same line is not taken for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from landbridge.errors import Reason, refuse
from node.sources.expressions import Bind
from node.sources.lookup import Withdrawn
from node.sources.record_names import equals, read_name
from node.sources.statements import Searched, Untyped, pad, padded, search, truth


@dataclass(frozen=True, slots=True)
class Cut:
    """A record to leave out, apart from the values: which keys are compared with how many."""

    keys: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PreparedCut:
    """The same, with its values in their order: those of the name, then those of each key."""

    form: Cut
    values: tuple[object, ...]


def prepare_cut(searched: Searched, withdrawn: Withdrawn) -> PreparedCut:
    """Take a record apart.

    Raises:
        LandbridgeError: LB-2004 when its name cannot be told from others in the statement.
    """
    named = read_name(searched.naming, withdrawn.record, _dialect(searched))
    if named is None:
        raise refuse(
            Reason.SOURCE_FAILED,
            "a withdrawn record cannot be told from others by the columns that name it",
            next_step="name the records by columns of text, whole numbers or dates:"
            " `record` in node.toml",
        )
    values: list[object] = list(named)
    keys: list[tuple[int, int]] = []
    for position, key in enumerate(searched.keys):
        if key.scheme == withdrawn.subject.scheme:
            natives = [native for native, _ in key.spell(withdrawn.subject.value)]
            if natives:
                size = padded(len(natives))
                values += pad(natives, size)
                keys.append((position, size))
    return PreparedCut(Cut(tuple(keys)), tuple(values))


def write_cut(searched: Searched, cut: Cut, bind: Bind) -> sa.ColumnElement[bool]:
    """Write that a row is not the record."""
    # By a case, as a comparison with NULL is neither true nor false, and its contrary is not, too.
    return truth(_is(searched, cut, bind)) == sa.literal_column("0", sa.Integer)


def write_only(searched: Searched, records: Sequence[Cut], bind: Bind) -> sa.ColumnElement[bool]:
    """Write that a row is one of the records: just those that `write_cut` leaves out."""
    return sa.or_(*(_is(searched, record, bind) for record in records))


def _is(searched: Searched, cut: Cut, bind: Bind) -> sa.ColumnElement[bool]:
    named = [equals(column, bind, _dialect(searched)) for column in searched.naming.columns]
    about = [
        search(searched.native, searched.keys[position], [bind(Untyped()) for _ in range(size)])
        for position, size in cut.keys
    ]
    return sa.and_(*named, sa.or_(*about)) if about else sa.and_(*named)


def _dialect(searched: Searched) -> str:
    return searched.native.database.dialect.name
