"""What a node says that it released against what others say that they got from it.

The gateway lists a node's answer as it read it: a clause that gave no record is named by the node
alone, and of a sealed answer the gateway sees neither fields nor clauses.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from landbridge.v1 import log_pb2, reason_pb2

_SEALED: Final = reason_pb2.REASON_CODE_SEALED
LOOKED: Final = frozenset(
    {reason_pb2.REASON_CODE_ANSWERED, reason_pb2.REASON_CODE_NO_RECORD, _SEALED}
)
"""Outcomes that only a node can bring about: its source was asked."""

_Extract = tuple[str, str, tuple[str, ...], int]


class Released:
    """What one entry, or several of one node, say dataset by dataset."""

    def __init__(self, accesses: Iterable[log_pb2.Access]) -> None:
        self.outcomes: dict[str, set[int]] = {}
        self._extracts: dict[str, Counter[_Extract]] = {}
        self._refused: dict[str, set[str]] = {}
        for access in accesses:
            self.outcomes.setdefault(access.dataset, set()).add(access.outcome)
            self._refused.setdefault(access.dataset, set()).update(access.refused)
            if access.records:
                extract = (
                    access.memorandum,
                    access.clause,
                    tuple(sorted(access.released)),
                    access.records,
                )
                self._extracts.setdefault(access.dataset, Counter())[extract] += 1

    @property
    def looked(self) -> set[str]:
        """The datasets whose source was asked."""
        return {name for name, outcomes in self.outcomes.items() if outcomes & LOOKED}

    def differences(self, listed: "Released") -> list[str]:
        """Say how what another party lists differs from what this node says, dataset by dataset."""
        return [
            f"{name}: {why}"
            for name in sorted(self.outcomes.keys() | listed.looked)
            if (why := self._difference(name, listed))
        ]

    def _difference(self, name: str, listed: "Released") -> str:
        own, others = self.outcomes.get(name, set()), listed.outcomes.get(name, set())
        # What a plan leaves out is listed as well, though the node was not asked for it.
        if not own <= others or (others - own) & LOOKED:
            return f"outcome {_codes(own)} against {_codes(others)}"
        if _SEALED in own:
            return ""
        given, got = self._extracts.get(name, Counter()), listed.extracts(name)
        if given != got:
            return f"released {_said(given)} against {_said(got)}"
        refused, told = self._refused.get(name, set()), listed.refused(name)
        if not refused <= told:
            return f"refused {', '.join(sorted(refused))} against {', '.join(sorted(told))}"
        return ""

    def extracts(self, name: str) -> Counter[_Extract]:
        """Return what was released of a dataset."""
        return self._extracts.get(name, Counter())

    def refused(self, name: str) -> set[str]:
        """Return the fields of a dataset that were asked for and refused."""
        return self._refused.get(name, set())


def by_agency(accesses: Iterable[log_pb2.Access]) -> Mapping[str, Released]:
    """Part what a gateway lists by the agency that it was asked of."""
    parted: dict[str, list[log_pb2.Access]] = {}
    for access in accesses:
        parted.setdefault(access.agency, []).append(access)
    return {agency: Released(part) for agency, part in parted.items()}


def _said(extracts: Counter[_Extract]) -> str:
    """Name fields, clause and count; never a value, as entries hold none."""
    return (
        "; ".join(
            f"{records} of {', '.join(fields)} by {memorandum} {clause}".rstrip()
            for memorandum, clause, fields, records in sorted(extracts.elements())
        )
        or "nothing"
    )


def _codes(outcomes: set[int]) -> str:
    return " and ".join(f"LB-{outcome:04}" for outcome in sorted(outcomes)) or "none"
