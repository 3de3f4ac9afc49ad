"""What a log needs of a database connection, whichever database it is."""

from collections.abc import Iterable, Sequence
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
