"""Consents that a query carries, held against the query and what the node knows of revocations."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from landbridge.consent.revocation import Revocation
from landbridge.consent.verification import Consent, verify_consent
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.query import Query
from landbridge.trust.bundle import TrustBundle


@dataclass(frozen=True, slots=True)
class ConsentCheck:
    """What the person has opened of a provider's datasets, by which records.

    `refusal` says of the other datasets why a consent that is shown does not open them; it is None
    where none is shown.
    """

    datasets: frozenset[str] = frozenset()
    digests: tuple[bytes, ...] = ()
    """SHA-256 of the records, as they were received, that open the datasets."""
    refusal: LandbridgeError | None = None


_NONE_SHOWN = ConsentCheck()


class Consents:
    """Checks consents by the trust and the revocations of the moment; thread-safe."""

    def __init__(
        self, bundle: Callable[[], TrustBundle], revocations: Callable[[], Iterable[Revocation]]
    ) -> None:
        self._bundle = bundle
        self._revocations = revocations

    def check(
        self, query: Query, *, provider: str, desks: Collection[str], at: int
    ) -> ConsentCheck:
        """Find which of the provider's datasets the query's consents open to it.

        `desks` are the agencies whose word the provider takes, `at` is in Unix milliseconds. A
        record that opens nothing takes nothing from the others.
        """
        if not query.consents:
            return _NONE_SHOWN
        datasets: frozenset[str] = frozenset()
        digests: list[bytes] = []
        refusal = refuse(
            Reason.CONSENT_REFUSED, f"the consent does not name this dataset of {provider}"
        )
        for document in reversed(query.consents):
            try:
                consent = verify_consent(document, self._bundle(), at)
                opened = consent.check(
                    subject=query.subject,
                    requester=query.requester,
                    purpose=query.purpose,
                    provider=provider,
                    at=at,
                )
                self._check_desk(consent, desks)
                self._check_revocations(consent)
            except LandbridgeError as error:
                refusal = error
            else:
                datasets |= opened
                digests.append(consent.digest)
        return ConsentCheck(datasets, tuple(digests), refusal)

    def _check_desk(self, consent: Consent, desks: Collection[str]) -> None:
        if consent.desk not in desks:
            raise refuse(
                Reason.CONSENT_REFUSED,
                f"the memoranda do not take the word of {consent.desk} for a person's consent",
                where=f"consent record {consent.record_id}",
            )

    def _check_revocations(self, consent: Consent) -> None:
        if any(revocation.ends(consent) for revocation in self._revocations()):
            raise refuse(
                Reason.CONSENT_REVOKED,
                "the person's consent was revoked",
                where=f"consent record {consent.record_id}",
            )
