"""What an answer may hold, whether it came in the clear or was opened."""

from collections.abc import Container, Iterable, Iterator
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.outline import Extract, Outline
from landbridge.outline_fault import MAX_NAME, MAX_TEXT
from landbridge.query import Query
from landbridge.read_answer import ReadAnswer
from landbridge.v1 import answer_pb2

_MAX_RECORD: Final = 500
_ITEMS_PER_RECORD: Final = 20
"""How many identifiers, and how many items of lists, an answer may hold for each record allowed."""


def check_contents(read: ReadAnswer, federation: Federation) -> None:
    """Check what an answer holds, that came in the clear or was opened.

    Raises:
        LandbridgeError: LB-4007 when its parts do not fit each other or the federation; LB-4009
            when it holds more than an answer may.
    """
    outline = read.outline
    agency, max_records = outline.agency, federation.limits.max_records
    if outline.fault:
        raise refuse(outline.fault.reason, f"{agency} {outline.fault.did}")
    if outline.most_records > max_records:
        raise _oversized(f"{agency} sent more than {max_records} records of a dataset")
    schemes = federation.schemes
    for scheme in outline.schemes:
        if scheme not in schemes:
            raise _unfit(f"{agency} sent identifiers of a scheme that is not ours")
    for extract, records in zip(outline.extracts, read.records, strict=True):
        _check_records(extract, records, agency, schemes)
    # Of values only lists and identifiers can do harm: readers take any kind of value in any
    # column, and any unknown quality as "unreadable".
    if read.may_hold_lists or outline.identifiers:
        _check_counts(read, max_records * _ITEMS_PER_RECORD)


def check_fields(outline: Outline, query: Query) -> None:
    """Check that datasets hold no field, and no predicate, that the query does not want.

    Raises:
        LandbridgeError: LB-4009; LB-4007 for a heading that cannot be relied on.
    """
    for extract in outline.extracts if query.wanted else ():
        wanted = query.fields_wanted(outline.agency, extract.dataset)
        if not wanted:
            continue
        if fault := extract.says.fault:
            raise _unfit(f"{outline.agency} {fault.did.format(extract.dataset)}")
        extra = [name for name in extract.says.fields if name not in wanted]
        if extra:
            raise _oversized(f"{outline.agency} sent {extra[0]!r} of {extract.dataset}, unasked")


def _check_records(
    extract: Extract,
    records: Iterable[answer_pb2.Record],
    agency: str,
    schemes: Container[str],
) -> None:
    """Check what records hold, but for lists."""
    width, name = extract.width, extract.dataset
    for record in records:
        about = record.about
        if len(record.values) != width:
            raise _unfit(f"{agency} sent records of {name} that do not fit its columns")
        if about.scheme not in schemes or not 0 < len(about.value) <= MAX_NAME:
            raise _unfit(f"{agency} sent a record of {name} that is about nothing that we know")
        if len(record.record) > _MAX_RECORD or len(record.as_of) > MAX_TEXT:
            raise _oversized(f"{agency} sent a record of {name} with too long a heading")


def _check_counts(read: ReadAnswer, most: int) -> None:
    """Check lists, and how many there are of what becomes links and texts of a profile."""
    agency, items, identifiers = read.outline.agency, 0, read.outline.identifiers
    for extract, position, value in _lists(read) if read.may_hold_lists else ():
        listed = value.list.items
        items += len(listed)
        if position in extract.says.identifiers:
            identifiers += len(listed)
        # Those of too many are not looked at.
        if items <= most and any(item.HasField("list") for item in listed):
            raise _unfit(f"{agency} sent lists within lists of {extract.dataset}")
    if identifiers > most:
        raise _oversized(f"{agency} sent more identifiers than an answer may hold")
    if items > most:
        raise _oversized(f"{agency} sent more list items than an answer may hold")


def _lists(read: ReadAnswer) -> Iterator[tuple[Extract, int, answer_pb2.Value]]:
    for extract, records in zip(read.outline.extracts, read.records, strict=True):
        for record in records:
            for position, value in enumerate(record.values):
                if value.HasField("list"):
                    yield extract, position, value


def _unfit(message: str) -> LandbridgeError:
    return refuse(Reason.MISMATCHED_ANSWER, message)


def _oversized(message: str) -> LandbridgeError:
    return refuse(Reason.OVERSIZED_ANSWER, message)
