"""Answers whose datasets only the requester can read.

The node signs the ciphertext and the digest of what lies in it. So whoever is shown the contents
can hold them against the node's signature, though the key that opened them is long gone.
"""

import secrets
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from google.protobuf.message import DecodeError

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.sealing import SealingKey, seal, seal_info
from landbridge.v1 import answer_pb2, reason_pb2

SALT_BYTES: Final = 32
SMALLEST_BYTES: Final = 4096
LARGEST_STEP_BYTES: Final = 1024 * 1024

_SEALED: Final = reason_pb2.REASON_CODE_SEALED
_BROKEN: Final = reason_pb2.REASON_CODE_SEAL_BROKEN
_LONGEST_HEADING: Final = 5
"""What the tag and the length of the padding take at most."""


def seal_answer(
    answer: answer_pb2.Answer, *, seal_to: bytes, requester: str, memoranda: Iterable[str]
) -> answer_pb2.Answer:
    """Seal all datasets of an answer to a requester's key; the answer is not changed itself.

    `memoranda` are those by which the node may release something here, whether records are found or
    not: they stand in the clear, and must not tell.

    Raises:
        LandbridgeError: LB-1001 when `seal_to` is not a public key for sealing.
    """
    contents = answer_pb2.SealedContents(
        salt=secrets.token_bytes(SALT_BYTES), datasets=answer.datasets
    )
    plaintext = _pad(contents)
    sealed = _without_datasets(answer)
    sealed.datasets.extend(
        answer_pb2.DatasetAnswer(dataset=dataset.dataset, outcome=_SEALED)
        for dataset in answer.datasets
    )
    sealed.sealed.memoranda.extend(sorted(set(memoranda)))
    sealed.sealed.contents_digest = sha256(plaintext).digest()
    sealed.sealed.ciphertext = seal(plaintext, seal_to=seal_to, info=_info(sealed, requester))
    return sealed


def open_answer(answer: answer_pb2.Answer, key: SealingKey, *, requester: str) -> bytes:
    """Open a sealed answer; return what was sealed. `unseal` holds it against its signature.

    Raises:
        LandbridgeError: LB-4202 when it was sealed to another key, or for another query, requester
            or agency.
    """
    return key.open(answer.sealed.ciphertext, _info(answer, requester))


def unseal(answer: answer_pb2.Answer, contents: bytes) -> answer_pb2.Answer:
    """Return a sealed answer as it would be in the clear; this takes no key.

    Raises:
        LandbridgeError: LB-4202 when the contents are not those that the node signed, or do not fit
            its answer.
    """
    if sha256(contents).digest() != answer.sealed.contents_digest:
        raise _broken(answer, "holds something else than the agency signed")
    try:
        datasets = answer_pb2.SealedContents.FromString(contents).datasets
    except DecodeError:
        raise _broken(answer, "holds no datasets") from None
    if [each.dataset for each in datasets] != [each.dataset for each in answer.datasets]:
        raise _broken(answer, "holds other datasets than its cover names")
    for dataset in datasets:
        if dataset.outcome in (_SEALED, _BROKEN):
            raise _broken(answer, f"holds {dataset.dataset[:100]!r} as sealed once more")
        for extract in dataset.extracts:
            if extract.memorandum not in answer.sealed.memoranda:
                raise _broken(answer, "is not bound to the memorandum that releases a record")
    clear = _without_datasets(answer)
    clear.datasets.extend(datasets)
    return clear


def without_contents(answer: answer_pb2.Answer) -> answer_pb2.Answer:
    """Return a sealed answer as one whose contents cannot be had: each dataset failed, LB-4202."""
    clear = _without_datasets(answer)
    clear.datasets.extend(
        answer_pb2.DatasetAnswer(dataset=dataset.dataset, outcome=_BROKEN)
        for dataset in answer.datasets
    )
    return clear


def _without_datasets(answer: answer_pb2.Answer) -> answer_pb2.Answer:
    """Copy what stands around the datasets."""
    return answer_pb2.Answer(
        query_digest=answer.query_digest,
        federation=answer.federation,
        agency=answer.agency,
        step=answer.step,
        round=answer.round,
        answered_at_unix_ms=answer.answered_at_unix_ms,
    )


def _info(answer: answer_pb2.Answer, requester: str) -> bytes:
    return seal_info(
        federation=answer.federation,
        requester=requester,
        agency=answer.agency,
        query_digest=answer.query_digest,
        memoranda=answer.sealed.memoranda,
    )


def _pad(contents: answer_pb2.SealedContents) -> bytes:
    """Write contents with zeros up to a size that tells little of theirs."""
    size = contents.ByteSize()
    padded = SMALLEST_BYTES
    while True:
        if padded == size:
            return contents.SerializeToString()
        # A length is written in as many bytes as it needs, so a few gaps cannot be filled exactly.
        for heading in range(2, _LONGEST_HEADING + 1):
            if padded - size > heading:
                contents.padding = bytes(padded - size - heading)
                if contents.ByteSize() == padded:
                    return contents.SerializeToString()
        padded += min(padded, LARGEST_STEP_BYTES)


def _broken(answer: answer_pb2.Answer, why: str) -> LandbridgeError:
    return refuse(
        Reason.SEAL_BROKEN, f"the sealed answer of {answer.agency[:100]} {why}", where=answer.agency
    )
