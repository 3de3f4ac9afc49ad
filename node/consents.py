"""Consents that a query carries, held against the query and what the node knows of revocations."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from landbridge.clock import to_iso
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

    vouched: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The datasets that are opened, each with the desks that vouch for it."""
    relied_on: tuple[Consent, ...] = ()
    """The records that open them."""
    refusal: LandbridgeError | None = None

    @property
    def datasets(self) -> frozenset[str]:
        """The datasets that are opened."""
        return frozenset(self.vouched)

    @property
    def digests(self) -> tuple[bytes, ...]:
        """SHA-256 of the records that open them, as they were received."""
        return tuple(consent.digest for consent in self.relied_on)


_NONE_SHOWN = ConsentCheck()


class Consents:
    """Checks consents by the trust and the revocations of the moment; thread-safe."""

    def __init__(
        self, bundle: Callable[[], TrustBundle], revocations: Callable[[], Iterable[Revocation]]
    ) -> None:
        self._bundle = bundle
        self._revocations = revocations
        self._indexed: tuple[object, Mapping[str, list[Revocation]]] = ((), {})

    def check(
        self, query: Query, *, provider: str, desks: Collection[str], at: int
    ) -> ConsentCheck:
        """Find which of the provider's datasets the query's consents open to it.

        `desks` are the agencies whose word the provider takes, `at` is in Unix milliseconds. A
        record that opens nothing takes nothing from the others.
        """
        if not query.consents:
            return _NONE_SHOWN
        vouched: dict[str, frozenset[str]] = {}
        relied_on: list[Consent] = []
        refusal: LandbridgeError | None = None
        for document in query.consents:
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
                self.check_revocations((consent,))
            except LandbridgeError as error:
                refusal = refusal or error
            else:
                relied_on.append(consent)
                for dataset in opened:
                    vouched[dataset] = vouched.get(dataset, frozenset()) | {consent.desk}
        return ConsentCheck(
            vouched,
            tuple(relied_on),
            refusal
            or refuse(
                Reason.CONSENT_REFUSED, f"the consent does not name this dataset of {provider}"
            ),
        )

    def check_revocations(self, relied_on: Iterable[Consent]) -> None:
        """Check that no record has been revoked, as far as this node has noticed.

        Raises:
            LandbridgeError: LB-3013.
        """
        of_record = self._by_record()
        for consent in relied_on:
            for revocation in of_record.get(consent.record_id, ()):
                if revocation.ends(consent):
                    raise refuse(
                        Reason.CONSENT_REVOKED,
                        f"revoked by {revocation.signer},"
                        f" stated for {to_iso(revocation.revoked_at)}",
                        where=f"consent record {consent.record_id}",
                    )

    def _by_record(self) -> Mapping[str, list[Revocation]]:
        """Lay the revocations out by their record; anew only when there are others."""
        known, of_record = self._indexed
        revocations = tuple(self._revocations())
        if known is not revocations:
            of_record = {}
            for revocation in revocations:
                of_record.setdefault(revocation.record_id, []).append(revocation)
            self._indexed = (revocations, of_record)
        return of_record

    def _check_desk(self, consent: Consent, desks: Collection[str]) -> None:
        if consent.desk not in desks:
            raise refuse(
                Reason.CONSENT_REFUSED,
                f"the memoranda do not take the word of {consent.desk} for a person's consent",
                where=f"consent record {consent.record_id}",
            )
