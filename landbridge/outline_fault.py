"""What is wrong with an answer, whatever its federation, its query and what its records hold."""

from collections.abc import Iterator
from typing import Final

from landbridge.errors import Reason
from landbridge.heading import Fault, read_heading
from landbridge.sealing import OVERHEAD_BYTES
from landbridge.v1 import answer_pb2, query_pb2

MAX_NAME: Final = 200
MAX_TEXT: Final = 300
MAX_EXTRACTS: Final = 200
"""Of one dataset."""
MAX_REFUSALS: Final = 2000
"""Of one dataset."""

_REASONS: Final = frozenset(map(int, Reason))
_ANSWERED: Final = Reason.ANSWERED.value
_SEALED: Final = Reason.SEALED.value
_RESOLVE: Final = query_pb2.STEP_RESOLVE
_COLLECT: Final = query_pb2.STEP_COLLECT

_MAX_DETAIL: Final = 1000
_MAX_LEGAL_BASIS: Final = 2000
_MAX_MEMORANDA: Final = 200
_DIGEST_BYTES: Final = 32


def fault_of(answer: answer_pb2.Answer) -> Fault | None:
    """Say what an answer does that none may do; its records may be empty, as in an outline.

    Raises:
        LandbridgeError: LB-4007, LB-4009 for a heading that is none.
    """
    return next(_cover(answer) if answer.HasField("sealed") else _datasets(answer), None)


def _cover(answer: answer_pb2.Answer) -> Iterator[Fault]:
    """Look at what stands around sealed contents: names, and nothing that says more."""
    sealed, memoranda = answer.sealed, list(answer.sealed.memoranda)
    if answer.step != _COLLECT:
        yield _unfit("sealed an answer that is not about records")
    if (
        len(sealed.contents_digest) != _DIGEST_BYTES
        or len(sealed.ciphertext) <= OVERHEAD_BYTES
        or memoranda != sorted(set(memoranda))
    ):
        yield _unfit("sent a sealed answer that has not the form of one")
    if len(memoranda) > _MAX_MEMORANDA or max(map(len, memoranda), default=0) > MAX_TEXT:
        yield _oversized("sealed to more memoranda than an answer may name")
    names = [dataset.dataset for dataset in answer.datasets]
    if len(names) != len(set(names)) or max(map(len, names), default=0) > MAX_NAME:
        yield _unfit("names a dataset twice, or at length")
    if any(
        dataset != answer_pb2.DatasetAnswer(dataset=dataset.dataset, outcome=dataset.outcome)
        or dataset.outcome != _SEALED
        for dataset in answer.datasets
    ):
        yield _unfit("says of a sealed dataset more than that it is sealed")


def _datasets(answer: answer_pb2.Answer) -> Iterator[Fault]:
    names: set[str] = set()
    for dataset in answer.datasets:
        if len(dataset.dataset) > MAX_NAME or dataset.dataset in names:
            yield _unfit("names a dataset twice, or at length")
        names.add(dataset.dataset)
        yield from _dataset(dataset, resolving=answer.step == _RESOLVE)


def _dataset(dataset: answer_pb2.DatasetAnswer, *, resolving: bool) -> Iterator[Fault]:
    name, outcome, extracts = dataset.dataset, dataset.outcome, dataset.extracts
    if (
        len(dataset.detail) > _MAX_DETAIL
        or len(dataset.as_of) > MAX_TEXT
        or len(extracts) > MAX_EXTRACTS
        or len(dataset.refusals) > MAX_REFUSALS
    ):
        yield _oversized(f"says more of {name} than an answer may")
    if outcome not in _REASONS or outcome == _SEALED:
        yield _unfit(f"gave an outcome of {name} that none can be")
    for refusal in dataset.refusals:
        if refusal.reason not in _REASONS:
            yield _unfit(f"refused a field of {name} for an unknown reason")
        if max(len(refusal.field), len(refusal.memorandum), len(refusal.clause)) > MAX_TEXT:
            yield _oversized(f"refused a field of {name} at length")
    for extract in extracts:
        yield from _extract(extract, name, resolving=resolving)
    records = sum([len(extract.records) for extract in extracts])
    if (outcome == _ANSWERED) is not (records > 0) or (extracts and not records):
        yield _unfit(f"gave an outcome of {name} that does not fit its records")


def _extract(extract: answer_pb2.Extract, name: str, *, resolving: bool) -> Iterator[Fault]:
    """Look at what stands over an extract's records."""
    if (
        len(extract.memorandum) > MAX_TEXT
        or len(extract.clause) > MAX_TEXT
        or len(extract.legal_basis) > _MAX_LEGAL_BASIS
        or len(extract.retention) > MAX_TEXT
        or len(extract.fresh_within) > MAX_TEXT
    ):
        yield _oversized(f"sent an extract of {name} with too long a heading")
    heading = read_heading(extract.heading)
    if heading.fault:
        yield Fault(heading.fault.reason, heading.fault.did.format(name))
    if resolving and len(heading.identifiers) != len(heading.fields):
        yield _unfit(f"sent more than identifiers of {name} to resolve")


def _unfit(did: str) -> Fault:
    return Fault(Reason.MISMATCHED_ANSWER, did)


def _oversized(did: str) -> Fault:
    return Fault(Reason.OVERSIZED_ANSWER, did)
