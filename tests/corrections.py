"""Correction notices for tests, by the shared federation's registry to its board."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from landbridge.agency import Role
from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.rights.correction import CorrectionReason, Wrong, write_corrections
from landbridge.statement.signed import SignedByOne
from tests.bundles import bundle
from tests.pki import BOARD, FEDERATION, REGISTRY, shared_federation

CASE = "c" * 32
QUERY = "d" * 64
LOG = f"{REGISTRY}.{FEDERATION}/node/main"
WRONG = Wrong(
    CASE, LOG, "hcm2", ("hcm2",), CorrectionReason.CORRECTED, since="2020-01-01T00:00:00Z"
)


def key(agency: str, use: KeyUse = KeyUse.MEMORANDUM) -> SigningKey:
    role = Role.NODE if agency == REGISTRY else Role.REQUESTER
    return SigningKey.load(shared_federation().state(agency, role) / "keys" / f"{use}.key")


def now() -> int:
    return bundle().issued_at + 60_000


def instant(at: int) -> str:
    return f"{to_iso(at)[:19]}Z"


def notices(
    answers: list[tuple[int, str]] | None = None,
    wrong: Wrong = WRONG,
    signer: SigningKey | None = None,
) -> list[SignedByOne]:
    written = write_corrections(
        wrong,
        BOARD,
        [(7, QUERY)] if answers is None else answers,
        signer or key(REGISTRY),
        issued_at=instant(now()),
    )
    return [signed for _, signed in written]


@contextmanager
def refused(reason: Reason) -> Iterator[None]:
    with pytest.raises(LandbridgeError) as caught:
        yield
    assert caught.value.reason is reason, caught.value
