"""Which clauses stand at a time: laid out once between two points at which something changes."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from landbridge.decision import Decision
from landbridge.memorandum import Grant, Memorandum
from landbridge.memorandum_fields import StaleRevocation


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """A grant with what it takes from its memorandum."""

    memorandum: Memorandum
    grant: Grant
    legal_basis: str
    start: int
    """First Unix millisecond in force."""
    end: int
    """First Unix millisecond no longer in force."""
    release: int
    """Clauses with the same number release as one: same memorandum, clause, basis and rows."""

    @property
    def serves_stale(self) -> bool:
        """Whether it releases while revocation data are too old."""
        return self.memorandum.stale_revocation is StaleRevocation.SERVE


class Epoch(NamedTuple):
    """What stands between two points in time at which something changes."""

    first: Clause | None
    by_field: dict[str, Clause]
    held_back: Clause | None
    """The first clause that stands but for revocation data that are too old."""
    held_back_by_field: dict[str, Clause]
    decisions: dict[tuple[str, ...], Decision]
    """Decisions that were made already, by the wanted fields."""


class Coverage:
    """The clauses for one provider, dataset, requester, purpose and subject kind, in order."""

    __slots__ = ("_epochs", "_times", "clauses")

    def __init__(self) -> None:
        self.clauses: list[Clause] = []
        self._times: list[int] = []
        self._epochs: dict[tuple[int, bool], Epoch] = {}

    def add(self, clause: Clause) -> None:
        """Add a clause behind the others; all are added before the first look-up."""
        self.clauses.append(clause)
        self._times = sorted({*self._times, clause.start, clause.end})

    def standing(self, at: int, *, stale: bool = False) -> Epoch:
        """Return what stands at a time in Unix milliseconds.

        `stale` says whether revocation data are too old.
        """
        key = bisect_right(self._times, at), stale
        epoch = self._epochs.get(key)
        if epoch is None:
            # Few epochs are ever asked for, so that each is laid out when it first is.
            epoch = self._epochs[key] = self._lay_out(at, stale=stale)
        return epoch

    def _lay_out(self, at: int, *, stale: bool) -> Epoch:
        in_force = [clause for clause in self.clauses if clause.start <= at < clause.end]
        held_back = [clause for clause in in_force if stale and not clause.serves_stale]
        standing = [clause for clause in in_force if not stale or clause.serves_stale]
        return Epoch(
            standing[0] if standing else None,
            _by_field(standing),
            held_back[0] if held_back else None,
            _by_field(held_back),
            {},
        )


def _by_field(clauses: list[Clause]) -> dict[str, Clause]:
    found: dict[str, Clause] = {}
    for clause in clauses:
        for name in clause.grant.fields:
            found.setdefault(name, clause)
    return found
