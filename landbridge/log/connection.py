"""What a log needs of its database, whichever database it is."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Rows(Protocol):
    """What a statement gave."""

    def fetchone(self) -> Any:  # noqa: ANN401  as the drivers have it
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""


class Connection(Protocol):
    """Statements in the SQL that our databases share, with `?` for each parameter."""

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> Rows:
        """Run a statement."""

    def executemany(self, statement: str, parameters: Iterable[Sequence[object]], /) -> object:
        """Run a statement once for each row of parameters."""


class Database(Protocol):
    """One connection to a log's database, made anew after each failure. Thread-safe.

    A database that is gone is never begun again by any of these but `create`: that would silently
    begin a new log in the place of the one that was lost. Each method raises LandbridgeError
    LB-5001 when the database cannot be used now, LB-5002 when it does not hold what a log holds.
    """

    @property
    def where(self) -> str:
        """Which database it is, for people; no secret."""

    def is_there(self) -> bool:
        """Tell whether there is a log."""

    def create(self, checkpoint: bytes) -> None:
        """Make an empty log with a signed head, whole or not at all; leave one that is there."""

    def add_missing_tables(self) -> None:
        """Add the tables that logs of earlier versions lack."""

    def another(self) -> "Database":
        """Give a further connection to the same database, with a lock of its own."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Give the connection to read with; each statement sees what is committed then."""

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Give the connection to read with; all statements see the same moment."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Give the connection within a transaction that is durable when the block has ended.

        Nobody else writes meanwhile. An error ends the transaction, and nothing of it is kept.
        """

    def version(self, connection: Connection, /) -> int | None:
        """Return a number that stays as it is on a connection while nobody else writes, or None.

        None says that it is not known whether anybody has. What the connection itself writes does
        not change it. Ask within a transaction.
        """

    def forget_erased(self) -> None:
        """See that what was overwritten is in none of the database's own files any more."""

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
