"""The authority's job, one method for each rpc: certify, acknowledge, publish, revoke, admit.

Every change goes through the journal: checked, logged, and only then seen. Whoever passes requests
on is trusted with nothing, since each one proves itself.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from certs.application import check_application, fingerprint
from certs.registrar.acknowledgement import take_acknowledgement
from certs.registrar.enrolment import EnrolmentDesk
from certs.registrar.issuance import Issuers, erase_gone, issue_leaf
from certs.registrar.issued import forget_expired
from certs.registrar.joining import save_application
from certs.registrar.journal import Change, Journal
from certs.registrar.key_acts import plan_introduction
from certs.registrar.parties import EnrolledParty, find_party, forget_parties, save_party
from certs.registrar.revocation import forget_lists, sign_lists
from certs.registrar.standing import write_standing
from certs.registrar.submission import ActDesk
from landbridge.agency import Identity, Role
from landbridge.errors import Reason, refuse
from landbridge.trust.approval import digest_of
from landbridge.v1 import authority_service_pb2

_MOST_BYTES: Final = 3 * 1024 * 1024
"""Of bundles in one answer; who lacks more asks again."""
_MOST_BYTES_AT_ENROLMENT: Final = 12 * 1024 * 1024
"""Who enrols cannot ask again before it has verified its certificate by the newest bundle."""
_SIGNATURE_BYTES: Final = 64


class Registrar:
    """Does what the rpcs ask for. Thread-safe; each change is made alone.

    `enrolment` is the address where the gateway takes enrolments, empty where none does.
    """

    def __init__(self, folder: Path, journal: Journal, *, enrolment: str = "") -> None:
        self.journal = journal
        self._folder = folder
        self._clock = journal.clock
        self._enrolment = enrolment
        self._issuers = (journal.bundle.number, Issuers.load(folder, journal.bundle.content))
        erase_gone(folder, journal.bundle.content)

    @property
    def now(self) -> int:
        """The authority's clock, in Unix milliseconds."""
        return self._clock()

    def renew(self, request: authority_service_pb2.RenewRequest) -> bytes:
        """Certify a party's new key; return the chain in PEM.

        Raises:
            LandbridgeError: as `EnrolmentDesk.renew`; LB-5001 and LB-5002 when nothing can be kept.
        """
        with self.journal.change() as change:
            return self._desk().renew(request, change)

    def enrol(
        self, request: authority_service_pb2.EnrolRequest
    ) -> authority_service_pb2.EnrolResponse:
        """Certify an invited party's first key; return the chain and whom to trust.

        Raises:
            LandbridgeError: as `EnrolmentDesk.enrol`; LB-5001 and LB-5002 as above.
        """
        with self.journal.change() as change:
            chain, since = self._desk().enrol(request, change)
        # The newest in any case: the party may have lost what it held.
        before_newest = self.journal.bundle.number - 1
        trust, _ = self.trust(min(since, before_newest), _MOST_BYTES_AT_ENROLMENT)
        return authority_service_pb2.EnrolResponse(chain=chain, trust=trust)

    def acknowledge(self, request: authority_service_pb2.AcknowledgeRequest) -> int:
        """Put down what a party tells; return the authority's clock.

        Raises:
            LandbridgeError: as `take_acknowledgement`; LB-5001 and LB-5002 as above.
        """
        with self.journal.change() as change:
            take_acknowledgement(request, change.present)
        return self.now

    def replace_key(self, request: authority_service_pb2.ReplaceKeyRequest) -> int:
        """List an agency's next signing key; return the number of the bundle that does.

        Raises:
            LandbridgeError: as `plan_introduction`; LB-5001 and LB-5002 as above.
        """
        if len(request.signature) != _SIGNATURE_BYTES:
            raise refuse(Reason.BAD_SIGNATURE, "the introduction is not signed")
        with self.journal.change() as change:
            plan = plan_introduction(
                request.introduction,
                request.key_id[:300],
                request.signature,
                request.possession,
                change.present,
            )
            number = change.publish(plan.content or change.present.content)
            plan.carry_out(number)
            change.log(
                {
                    "act": "key.introduce",
                    "by": request.key_id,
                    "introduction": request.introduction.decode(),
                }
            )
        return number

    def trust(
        self, since: int, most_bytes: int = _MOST_BYTES
    ) -> tuple[authority_service_pb2.GetTrustResponse, int]:
        """Give the bundles that follow a number, and the lists; and the number of the last bundle.

        Raises:
            LandbridgeError: LB-5001 and LB-5002 when the registry cannot be read.
        """
        return self._trust(*self.journal.bundles(since, most_bytes))

    def trust_at_hand(
        self, since: int
    ) -> tuple[authority_service_pb2.GetTrustResponse, int] | None:
        """Do as `trust` does from memory alone, on any thread; None if it takes the registry."""
        at_hand = self.journal.bundles_at_hand(since, _MOST_BYTES)
        return self._trust(*at_hand) if at_hand else None

    def submit(
        self, request: authority_service_pb2.SubmitRequest
    ) -> authority_service_pb2.SubmitResponse:
        """Take an administrator's act, or say what it would do.

        Raises:
            LandbridgeError: as `ActDesk.submit`; LB-5001 and LB-5002 as above.
        """
        desk = ActDesk(self._folder, self._enrolment_point())
        if request.dry_run:
            with self.journal.look() as present:
                return desk.try_out(request, present)
        with self.journal.change() as change:
            response = desk.submit(request, change)
            self._sign_what_changed(change)
        erase_gone(self._folder, self.journal.bundle.content)
        return response

    def standing(self) -> authority_service_pb2.GetStandingResponse:
        """Show what every party holds, and who lags.

        Raises:
            LandbridgeError: LB-5001 and LB-5002 when the registry cannot be read.
        """
        with self.journal.look() as present:
            return write_standing(present)

    def apply(self, request: authority_service_pb2.ApplyRequest) -> str:
        """Keep an agency's application for the administrators; return its fingerprint.

        Raises:
            LandbridgeError: LB-1001 when it is malformed or of another federation; LB-4001 when the
                agency has not signed it; LB-2003 when too many wait; LB-5001 and LB-5002 as above.
        """
        with self.journal.change() as change:
            present = change.present
            application = check_application(request.application, request.signature, present.content)
            digest = digest_of(request.application)
            if save_application(present.connection, digest, request.application, present.now):
                change.log(
                    {
                        "act": "member.apply",
                        "agency": application.agency,
                        "application": digest,
                    }
                )
        return fingerprint(request.application)

    def certify_itself(self, identity: Identity, public: ec.EllipticCurvePublicKey) -> bytes:
        """Certify a key of the authority's own party; return the chain in PEM.

        For the start, when its certificate has ended or is of an authority that is gone.

        Raises:
            LandbridgeError: LB-4005 and LB-4020 when it cannot be certified; LB-5001 as above.
        """
        with self.journal.change() as change:
            present = change.present
            present.check_party(identity.uri)
            issuing, _ = self._present_issuers().pick("")
            chain, act = issue_leaf(
                present.connection, issuing, identity, public, clock=self._clock
            )
            change.log(act)
            before = find_party(present.connection, identity.uri)
            if before is None:
                save_party(present.connection, EnrolledParty(identity.uri))
        return chain

    def maintain(self) -> None:
        """Sign the revocation lists that are due, and forget what has long expired.

        Raises:
            LandbridgeError: LB-5001 and LB-5002 as above.
        """
        with self.journal.change() as change:
            forget_expired(change.present.connection, change.present.now)
            forget_parties(change.present.connection)
            sign_lists(
                change.present.connection, self._present_issuers(), self._clock, all_anew=False
            )

    def _present_issuers(self) -> Issuers:
        """Return the issuing authorities; call it within a change or a look."""
        bundle = self.journal.bundle
        if self._issuers[0] != bundle.number:
            self._issuers = (bundle.number, Issuers.load(self._folder, bundle.content))
        return self._issuers[1]

    def _trust(
        self, bundles: Sequence[bytes], last: int
    ) -> tuple[authority_service_pb2.GetTrustResponse, int]:
        response = authority_service_pb2.GetTrustResponse(
            bundles=bundles, revocation_lists=self.journal.lists, now_unix_ms=self.now
        )
        return response, last

    def _desk(self) -> EnrolmentDesk:
        return EnrolmentDesk(self._present_issuers(), self._clock)

    def _sign_what_changed(self, change: Change) -> None:
        """Sign the lists of new authorities, and all of them when a certificate was denied."""
        if change.made is None:
            return
        before, after = change.present.content, change.made.content
        connection = change.present.connection
        issuers = Issuers.load(self._folder, after)
        forget_lists(connection, issuers)
        denied = after.denied != before.denied
        sign_lists(connection, issuers, self._clock, all_anew=denied)

    def _enrolment_point(self) -> tuple[str, str] | None:
        gateways = self.journal.bundle.endpoints(Role.GATEWAY)
        if not self._enrolment or not gateways:
            return None
        return self._enrolment, gateways[0].dns_name
