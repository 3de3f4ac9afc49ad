"""Consents for tests: two desks in the shared federation, and right terms to change."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from landbridge.clock import to_datetime
from landbridge.consent.binding import Introduced, bind_key
from landbridge.consent.giving import Terms, write_as_desk, write_as_person
from landbridge.consent.person_key import PersonKey, PublicJwk
from landbridge.keys import KeyUse, SigningKey
from landbridge.trust.bundle import TrustBundle
from tests.bundles import add_key, anchor, content, signed
from tests.persons import invent
from tests.pki import BOARD, COUNCIL, REGISTRY, SCHOOLS

DESK, OTHER_DESK = COUNCIL, SCHOOLS
REQUESTER, PROVIDER, DATASET = BOARD, REGISTRY, "licences"
PERSON, OTHER_PERSON = invent(2, seed=7)
PURPOSE = "hiring-check"
DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Desks:
    """A trust bundle that lists the keys of two consent desks, and these keys."""

    bundle: TrustBundle
    key: SigningKey
    other: SigningKey

    @property
    def now(self) -> int:
        return self.bundle.issued_at + 60_000


@functools.cache
def desks() -> Desks:
    """Give two agencies of the shared federation a key for consent, in a bundle of one's own."""
    changed = content()
    keys = [SigningKey.generate(agency, KeyUse.CONSENT) for agency in (DESK, OTHER_DESK)]
    for key in keys:
        add_key(changed, key.agency, key)
    return Desks(TrustBundle.parse(signed(changed), anchor()), *keys)


def instant(at: int) -> str:
    """Write Unix milliseconds as memoranda and consents do, to the second."""
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def terms(**changes: Any) -> Terms:
    """Return right terms, from a minute ago for thirty days, with changes."""
    now = desks().now
    right: dict[str, Any] = {
        "subject": PERSON.subject,
        "requester": REQUESTER,
        "purpose": PURPOSE,
        "datasets": (f"{PROVIDER}/{DATASET}",),
        "valid_from": instant(now - 60_000),
        "valid_until": instant(now + 30 * DAY),
        "given_at": instant(now - 60_000),
        "notice": "The board may see the licences, to decide on the application",
        "withdrawal": "At any consent desk, at any time",
    }
    return Terms(**(right | changes))


def by_desk(desk: SigningKey | None = None, **changes: Any) -> bytes:
    """Give a consent that a desk signs."""
    return write_as_desk(terms(**changes), desk or desks().key).to_bytes()


def ed25519() -> PersonKey:
    private = Ed25519PrivateKey.generate()
    return PersonKey(PublicJwk.of(private.public_key()), private)


def p256() -> PersonKey:
    private = ec.generate_private_key(ec.SECP256R1())
    return PersonKey(PublicJwk.of(private.public_key()), private)


def bound(
    key: PersonKey, desk: SigningKey | None = None, days: Sequence[int] = (-1, 90)
) -> Introduced:
    """Have a desk bind a key to the person, for these days from now."""
    now = desks().now
    start, end = (instant(now + day * DAY) for day in days)
    return bind_key(
        key.public, PERSON.subject, valid_from=start, valid_until=end, desk=desk or desks().key
    )


def by_person(
    key: PersonKey, introduced: Introduced | None = None, *, desk: str = DESK, **changes: Any
) -> bytes:
    """Give a consent that the person signs."""
    signed_by_person = write_as_person(terms(**changes), key, introduced or bound(key), desk=desk)
    return signed_by_person.to_bytes()
