"""Writes one requester's queries; with the keys that their answers are sealed to, in memory."""

from collections.abc import Sequence
from typing import Final

from landbridge.clock import Clock
from landbridge.federation import Federation
from landbridge.kept_keys import KeptKeys
from landbridge.opened_profile import OpenedProfile, open_profile
from landbridge.profile import SignedProfile
from landbridge.query import Wanted, write_query
from landbridge.query_signer import Draft
from landbridge.sealing import SealingKey
from landbridge.subject import SubjectId, SubjectKind

LIFETIME_MS: Final = 60_000
"""How long a query may be answered."""


class QueryWriter:
    """Writes queries in the name of a requester, by a federation's terms."""

    def __init__(self, federation: Federation, requester: str, clock: Clock) -> None:
        self._federation = federation
        self._requester = requester
        self._clock = clock
        self._sealing = KeptKeys()

    def write(  # noqa: PLR0913  what a query is made of
        self,
        subjects: Sequence[SubjectId],
        purpose: str,
        case: str,
        wanted: Sequence[Wanted] = (),
        *,
        sealed: bool = False,
        consents: Sequence[bytes] = (),
    ) -> list[Draft]:
        """Write one query a subject; with `sealed` all to one new key, kept for `open`.

        Raises:
            LandbridgeError: LB-1002, LB-1005.
        """
        at = self._clock()
        key = SealingKey.generate() if sealed else None
        drafts = [
            Draft(
                alone=self._is_person(subject),
                payload=write_query(
                    federation=self._federation,
                    requester=self._requester,
                    subject=subject,
                    purpose=purpose,
                    case_reference=case,
                    wanted=wanted,
                    at=at,
                    lifetime_ms=LIFETIME_MS,
                    seal_to=key.public if key else b"",
                    consents=consents,
                ),
            )
            for subject in subjects
        ]
        if key is not None:
            payloads = (draft.payload for draft in drafts)
            self._sealing.keep(key, payloads, expires_at=at + LIFETIME_MS, at=at)
        return drafts

    def open(self, signed: SignedProfile) -> OpenedProfile:
        """Open a verified profile whose answers are sealed, and forget the key of its query.

        Raises:
            LandbridgeError: LB-4202 when the key is not kept here: another client signed the query,
                it was not sealed or was opened before.
        """
        key = self._sealing.take(signed.profile.query.payload)
        return open_profile(signed, key, self._federation)

    def _is_person(self, subject: SubjectId) -> bool:
        scheme = self._federation.schemes.named(subject.scheme)
        return scheme.subject_kind is SubjectKind.NATURAL_PERSON
