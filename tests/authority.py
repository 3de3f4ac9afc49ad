"""An authority of one's own for tests: its folder, its registrar, and acts signed for it."""

import atexit
import functools
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from certs.application import Application, AppliedKey, AppliedParty
from certs.csr import make_signing_request
from certs.federation import FederationPki
from certs.invitation import Invitation, InvitationBox
from certs.proof import ACKNOWLEDGEMENT_TYPE, RENEWAL_TYPE, prove
from certs.registrar.founding import found_authority
from certs.registrar.job import Registrar
from certs.registrar.journal import Journal
from landbridge.agency import Identity, Role
from landbridge.clock import to_datetime
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.party import PartyFolder
from landbridge.trust.approval import Act, Statement, digest_of
from landbridge.trust.introduction import Introduction
from landbridge.v1 import authority_service_pb2 as messages
from landbridge.v1 import log_pb2
from tests.pki import FEDERATION, GATEWAY, OPERATIONS, REGISTRY, SCHOOLS, make_federation

NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
AUTHORITY = Identity(OPERATIONS, FEDERATION, Role.AUTHORITY, "main")
FRONT = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "main")
OTHER_NODE = Identity(SCHOOLS, FEDERATION, Role.NODE, "main")
ENROLMENT = "127.0.0.1:7102"


@functools.cache
def _founded() -> tuple[Path, FederationPki]:
    """Found an authority once a session; tests work on copies of its folder."""
    folder = Path(tempfile.mkdtemp(prefix="landbridge-authority-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    pki = make_federation(folder / "parties")
    pki.publish(addresses={AUTHORITY: "127.0.0.1:1", FRONT: "127.0.0.1:2"})
    found_authority(folder / "authority", pki, enrolment=ENROLMENT)
    return folder / "authority", pki


class SetClock:
    """A clock that tests set."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@dataclass(slots=True)
class Holder:
    """A party's certificate and key, as it renews and acknowledges with them."""

    key: ec.EllipticCurvePrivateKey
    leaf: x509.Certificate

    @classmethod
    def of(cls, identity: Identity) -> "Holder":
        template, pki = _founded()
        own = identity == AUTHORITY
        folder = template / "party" if own else pki.parties[identity].folder
        return cls.read((folder / "credential.pem").read_bytes())

    @classmethod
    def read(cls, pem: bytes) -> "Holder":
        key = load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key, x509.load_pem_x509_certificates(pem)[0])

    @property
    def serial(self) -> str:
        return f"{self.leaf.serial_number:x}"

    @property
    def issuer(self) -> str:
        extension = self.leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        assert extension.value.key_identifier is not None
        return extension.value.key_identifier.hex()


class Desk:
    """A registrar on a folder, with all the keys that a test may want to sign with."""

    def __init__(self, folder: Path) -> None:
        template, self.pki = _founded()
        self.root = self.pki.root
        self.folder = folder / "authority"
        shutil.copytree(template, self.folder)
        self.clock = SetClock(self.pki.clock())
        self.holders = {identity: Holder.of(identity) for identity in self.pki.parties}
        self.open()

    def open(self) -> None:
        party = PartyFolder.open(self.folder / "party", clock=self.clock)
        self.log = party.open_log(AUTHORITY)
        self.registrar = Registrar(
            self.folder, Journal(self.folder, self.log, clock=self.clock), enrolment=ENROLMENT
        )

    def close(self) -> None:
        self.registrar.journal.close()

    @property
    def node(self) -> Holder:
        return self.holders[NODE]

    @property
    def number(self) -> int:
        return self.registrar.journal.bundle.number

    def renewal(
        self,
        holder: Holder,
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        authority: str = "",
        signed_at: int | None = None,
        federation: str = FEDERATION,
    ) -> messages.RenewRequest:
        renewal = messages.Renewal(
            federation=federation,
            signing_request=make_signing_request(key or ec.generate_private_key(ec.SECP256R1())),
            authority=authority,
            signed_at_unix_ms=self.clock() if signed_at is None else signed_at,
        ).SerializeToString()
        return messages.RenewRequest(
            renewal=renewal, proof=prove(RENEWAL_TYPE, renewal, holder.key, holder.leaf)
        )

    def renew(self, holder: Holder, authority: str = "") -> Holder:
        key = ec.generate_private_key(ec.SECP256R1())
        chain = self.registrar.renew(self.renewal(holder, key=key, authority=authority))
        return Holder(key, x509.load_pem_x509_certificates(chain)[0])

    def acknowledgement(  # noqa: PLR0913  what a party may tell
        self,
        holder: Holder,
        *,
        number: int | None = None,
        erased: tuple[str, ...] = (),
        proven: tuple[str, ...] = (),
        refused: tuple[str, ...] = (),
        alarms: tuple[str, ...] = (),
    ) -> messages.AcknowledgeRequest:
        told = messages.Acknowledgement(
            federation=FEDERATION,
            bundle_number=self.number if number is None else number,
            serial=holder.serial,
            issuer=holder.issuer,
            erased=erased,
            trials=[
                *(messages.Trial(authority=name, accepted=True) for name in proven),
                *(messages.Trial(authority=name, failure="no") for name in refused),
            ],
            alarms=alarms,
            signed_at_unix_ms=self.clock(),
        ).SerializeToString()
        proof = prove(ACKNOWLEDGEMENT_TYPE, told, holder.key, holder.leaf)
        return messages.AcknowledgeRequest(acknowledgement=told, proof=proof)

    def acknowledge(self, holder: Holder, **told: Any) -> None:
        self.registrar.acknowledge(self.acknowledgement(holder, **told))

    def statement(  # noqa: PLR0913  what a statement holds
        self,
        act: Act,
        subject: str,
        *,
        attachment: bytes = b"",
        detail: str | None = None,
        revision: int = 0,
        override: bool = False,
    ) -> Statement:
        attached = digest_of(attachment) if attachment else ""
        digest = attached if detail is None else detail
        return Statement(FEDERATION, act, subject, revision, digest, override)

    def request(
        self, statement: Statement, admin: str = "first", attachment: bytes = b""
    ) -> messages.SubmitRequest:
        party = self.pki.parties[Identity(OPERATIONS, FEDERATION, Role.ADMIN, admin)]
        key = party.keys[KeyUse.ADMIN]
        return messages.SubmitRequest(
            statement=statement.to_bytes(),
            key_id=key.key_id,
            signature=statement.sign(key),
            attachment=attachment,
        )

    def act(  # noqa: PLR0913  what a statement holds
        self,
        act: Act,
        subject: str,
        *admins: str,
        attachment: bytes = b"",
        detail: str | None = None,
        revision: int = 0,
        override: bool = False,
    ) -> messages.SubmitResponse:
        """Have administrators sign and submit an act, the first one if none is named."""
        statement = self.statement(
            act,
            subject,
            attachment=attachment,
            detail=detail,
            revision=revision,
            override=override,
        )
        for admin in admins or ("first",):
            response = self.registrar.submit(self.request(statement, admin, attachment))
        return response

    def invite(self, identity: Identity) -> Invitation:
        box = InvitationBox()
        response = self.act(Act.INVITE, identity.uri, attachment=box.public)
        return box.open(response.result, identity.uri)

    def prepare_issuing(self, name: str) -> messages.SubmitResponse:
        """Prepare an issuing authority, certified by the newest root that is at hand."""
        request = self.act(Act.AUTHORITY_PREPARE, name).result
        public = x509.load_der_x509_csr(request).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        number = int(name.partition("-")[2])
        certificate = self.root.sign_issuing(public, self.clock, generation=number)
        pem = certificate.public_bytes(Encoding.PEM)
        return self.act(Act.AUTHORITY_PREPARE, name, attachment=pem)

    def prepare_root(self, name: str) -> messages.SubmitResponse:
        """Prepare the next root, and keep its key at hand."""
        root = self.root.create_next(self.clock)
        assert root.cross is not None
        pem = root.pem + root.cross.public_bytes(Encoding.PEM)
        response = self.act(Act.AUTHORITY_PREPARE, name, attachment=pem)
        self.root = root
        return response

    def all_prove(self, *names: str) -> None:
        """Have every party acknowledge the newest bundle, and have tried authorities."""
        for identity in self.pki.parties:
            self.acknowledge(self.holders[identity], proven=names)

    def all_renew(self) -> None:
        """Have every party renew, and give its former certificate up."""
        for identity, old in self.holders.items():
            self.holders[identity] = self.renew(old)
            self.acknowledge(self.holders[identity], erased=(old.serial,))

    def revision(self, agency: str) -> int:
        return self.registrar.journal.bundle.members[agency].revision

    def introduce(self, earlier: SigningKey, use: KeyUse | None = None) -> SigningKey:
        """Introduce an agency's next signing key by an earlier one."""
        made = SigningKey.generate(earlier.agency, use or earlier.use)
        introduction = Introduction(FEDERATION, made.agency, made.use, made.public)
        self.registrar.replace_key(
            messages.ReplaceKeyRequest(
                introduction=introduction.to_bytes(),
                key_id=earlier.key_id,
                signature=introduction.sign(earlier),
                possession=introduction.sign(made),
            )
        )
        return made

    def apply(self, application: Application, key: SigningKey) -> bytes:
        """Hand in an application; return its bytes."""
        document = application.to_bytes()
        self.registrar.apply(
            messages.ApplyRequest(application=document, signature=application.sign(key))
        )
        return document

    def accept(self, application: Application, *admins: str) -> messages.SubmitResponse:
        """Have administrators accept an application, both if none is named."""
        member = self.registrar.journal.bundle.members.get(application.agency)
        return self.act(
            Act.MEMBER_ACCEPT,
            application.agency,
            *(admins or ("first", "second")),
            attachment=application.to_bytes(),
            detail=digest_of(application.admission),
            revision=member.revision if member else 0,
        )

    def accept_admin(self) -> SigningKey:
        """Take in a third administrator, of the operator's agency; return the new key."""
        third = SigningKey.generate(OPERATIONS, KeyUse.ADMIN)
        seal = SigningKey.generate(OPERATIONS, KeyUse.MEMORANDUM)
        application = self.application(
            OPERATIONS,
            [third, seal],
            [
                AppliedParty(role=Role.ADMIN, name="third", address=""),
                AppliedParty(role=Role.AUTHORITY, name="main", address="127.0.0.1:1"),
            ],
        )
        self.apply(application, seal)
        self.accept(application)
        return third

    def application(
        self, agency: str, keys: Sequence[SigningKey], parties: Sequence[AppliedParty]
    ) -> Application:
        return Application(
            federation=FEDERATION,
            agency=agency,
            title=agency.title(),
            parties=tuple(parties),
            keys=tuple(AppliedKey(use=k.use, public_key=public_text(k.public)) for k in keys),
            made_at=to_datetime(self.clock()),
        )

    def entries(self) -> list[log_pb2.LogEntry]:
        return [log_pb2.LogEntry.FromString(self.log.entry(i)) for i in range(self.log.size)]

    def acts(self) -> list[dict[str, Any]]:
        return [json.loads(entry.act) for entry in self.entries()]

    def dump(self) -> list[str]:
        """Return all that the registry holds, and the log's head."""
        with sqlite3.connect(self.folder / "registry.sqlite") as connection:
            lines = list(connection.iterdump())
        connection.close()
        return [*lines, self.log.head().decode()]
