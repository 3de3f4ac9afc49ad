"""What an answer's datasets may hold, whether they came in the clear or were opened."""

from collections.abc import Collection, Container, Iterable, Sequence
from operator import methodcaller
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.query import Query
from landbridge.read_answer import ReadDataset, ReadExtract, read_dataset
from landbridge.v1 import answer_pb2, query_pb2

MAX_NAME: Final = 200
MAX_TEXT: Final = 300

_REASONS: Final = frozenset(map(int, Reason))
_ANSWERED: Final = Reason.ANSWERED.value
_SEALED: Final = Reason.SEALED.value
_RESOLVE: Final = query_pb2.STEP_RESOLVE

# Slices of repeated fields and this run in C: each answer of each query passes here.
_has_list: Final = methodcaller("HasField", "list")

_MAX_RECORD: Final = 500
_MAX_DETAIL: Final = 1000
_MAX_LEGAL_BASIS: Final = 2000
_MAX_EXTRACTS: Final = 200
_MAX_REFUSALS: Final = 2000
_ITEMS_PER_RECORD: Final = 20
"""How many identifiers, and how many items of lists, an answer may hold for each record allowed."""


def check_contents(answer: answer_pb2.Answer, federation: Federation) -> list[ReadDataset]:
    """Check the datasets of an answer that came in the clear, or was opened; take them apart.

    Raises:
        LandbridgeError: LB-4007 when its parts do not fit each other or the federation; LB-4009
            when it holds more than an answer may.
    """
    contents = _Contents(
        answer.agency,
        federation.schemes,
        federation.limits.max_records,
        resolving=answer.step == _RESOLVE,
    )
    return [contents.check(dataset) for dataset in answer.datasets]


def check_fields(agency: str, datasets: Iterable[ReadDataset], query: Query) -> None:
    """Check that datasets hold no field, and no predicate, that the query does not want.

    Raises:
        LandbridgeError: LB-4009.
    """
    for dataset in datasets if query.wanted else ():
        wanted = query.fields_wanted(agency, dataset.name)
        if not wanted:
            continue
        for extract in dataset.extracts:
            if extract.says.fault:
                raise _mismatched(f"{agency} {extract.says.fault.did.format(dataset.name)}")
            extra = [name for name in extract.says.fields if name not in wanted]
            if extra:
                raise refuse(
                    Reason.OVERSIZED_ANSWER,
                    f"{agency} sent {extra[0]!r} of {dataset.name}, unasked",
                )


class _Contents:
    """The check of one answer's datasets, with what they may hold together."""

    __slots__ = ("_agency", "_left", "_max_records", "_names", "_resolving", "_schemes")

    def __init__(
        self, agency: str, schemes: Container[str], max_records: int, *, resolving: bool
    ) -> None:
        self._agency = agency
        self._schemes = schemes
        self._max_records = max_records
        self._resolving = resolving
        self._names: set[str] = set()
        # Identifiers become links and list items become texts of a profile, so both are counted.
        self._left: dict[str, int] = {}

    def check(self, message: answer_pb2.DatasetAnswer) -> ReadDataset:
        """Check one dataset, and take it apart."""
        name = message.dataset
        if len(name) > MAX_NAME or name in self._names:
            raise self._unfit("names a dataset twice, or at length")
        self._names.add(name)
        if (
            len(message.detail) > _MAX_DETAIL
            or len(message.as_of) > MAX_TEXT
            or len(message.extracts) > _MAX_EXTRACTS
            or len(message.refusals) > _MAX_REFUSALS
        ):
            raise self._oversized(f"says more of {name} than an answer may")
        dataset = read_dataset(message)
        outcome, extracts = dataset.outcome, dataset.extracts
        if outcome not in _REASONS or outcome == _SEALED:
            raise self._unfit(f"gave an outcome of {name} that none can be")
        for refusal in dataset.refusals:
            self._check_refusal(refusal, name)
        records = dataset.records
        if records > self._max_records:
            raise self._oversized(f"sent more than {self._max_records} records of {name}")
        for extract in extracts:
            self._check_heading(extract, name)
            self._check_records(extract, name)
        if (outcome == _ANSWERED) is not (records > 0) or (extracts and not records):
            raise self._unfit(f"gave an outcome of {name} that does not fit its records")
        return dataset

    def _check_refusal(self, refusal: answer_pb2.Refusal, name: str) -> None:
        if refusal.reason not in _REASONS:
            raise self._unfit(f"refused a field of {name} for an unknown reason")
        if (
            len(refusal.field) > MAX_TEXT
            or len(refusal.memorandum) > MAX_TEXT
            or len(refusal.clause) > MAX_TEXT
        ):
            raise self._oversized(f"refused a field of {name} at length")

    def _check_heading(self, extract: ReadExtract, name: str) -> None:
        """Check what stands over an extract's records."""
        message, heading = extract.message, extract.says
        if (
            len(extract.memorandum) > MAX_TEXT
            or len(extract.clause) > MAX_TEXT
            or len(message.legal_basis) > _MAX_LEGAL_BASIS
            or len(message.retention) > MAX_TEXT
            or len(message.fresh_within) > MAX_TEXT
        ):
            raise self._oversized(f"sent an extract of {name} with too long a heading")
        if heading.fault:
            fault = heading.fault
            raise refuse(fault.reason, f"{self._agency} {fault.did.format(name)}")
        for scheme in heading.identifiers.values():
            if scheme not in self._schemes:
                raise self._unfit(f"sent identifiers in {name} of a scheme that is not ours")
        if self._resolving and len(heading.identifiers) != len(heading.fields):
            raise self._unfit(f"sent more than identifiers of {name} to resolve")

    def _check_records(self, extract: ReadExtract, name: str) -> None:
        width, identifiers = len(extract.says.fields), extract.says.identifiers
        schemes = self._schemes
        for record in extract.records:
            values, about = record.values[:], record.about
            if len(values) != width:
                raise self._unfit(f"sent records of {name} that do not fit its columns")
            if about.scheme not in schemes or not 0 < len(about.value) <= MAX_NAME:
                raise self._unfit(f"sent a record of {name} that is about nothing that we know")
            if len(record.record) > _MAX_RECORD or len(record.as_of) > MAX_TEXT:
                raise self._oversized(f"sent a record of {name} with too long a heading")
            # Of values only lists and identifiers can do harm: readers take any kind of value in
            # any column, and any unknown quality as "unreadable".
            if True in map(_has_list, values):
                self._check_lists(values, identifiers, name)
            if identifiers:
                self._count("identifiers", len(identifiers))

    def _check_lists(
        self, values: Sequence[answer_pb2.Value], identifiers: Collection[int], name: str
    ) -> None:
        for position, value in enumerate(values):
            items = value.list.items[:]
            self._count("list items", len(items))
            if position in identifiers:
                self._count("identifiers", len(items))
            if True in map(_has_list, items):
                raise self._unfit(f"sent lists within lists of {name}")

    def _count(self, what: str, number: int) -> None:
        left = self._left.get(what, self._max_records * _ITEMS_PER_RECORD) - number
        self._left[what] = left
        if left < 0:
            raise self._oversized(f"sent more {what} than an answer may hold")

    def _unfit(self, did: str) -> LandbridgeError:
        return _mismatched(f"{self._agency} {did}")

    def _oversized(self, did: str) -> LandbridgeError:
        return refuse(Reason.OVERSIZED_ANSWER, f"{self._agency} {did}")


def _mismatched(message: str) -> LandbridgeError:
    return refuse(Reason.MISMATCHED_ANSWER, message)
