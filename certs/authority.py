"""The federation's authorities: an offline root, and the issuing authorities that sign leaves.

A root's folder holds root.pem and root.key, encrypted; an issuing authority's issuing.pem, the
root above it in root.pem, and issuing.key. In root.pem the cross-certificate follows, if there is
one. Each authority has a folder of its own, best named by its id.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority_files import key_pem, load_certificates, load_key, to_pem
from certs.authority_name import authority_id, generation_of
from certs.issuing import Issuing
from certs.profiles import cross_certificate, issuing_certificate, root_certificate
from landbridge.agency import check_agency
from landbridge.clock import Clock, to_datetime
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import write_whole

__all__ = ["Issuing", "Root", "key_pem", "load_key"]

_LONGEST_ORGANISATION = 64


@dataclass(frozen=True, slots=True)
class Root:
    """A root of the federation; its key is needed only to make authorities.

    `cross` is the certificate over it by the root before, which the first root has not.
    """

    federation: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    cross: x509.Certificate | None = None

    @classmethod
    def create(cls, federation: str, clock: Clock, *, generation: int = 1) -> Self:
        """Make a root that no other vouches for: the first, or the next when its key is lost.

        Raises:
            LandbridgeError: LB-1101 when the federation's name is not a DNS-like name of at most 64
                characters with a dot in it.
        """
        check_agency(federation)
        if len(federation) > _LONGEST_ORGANISATION or "." not in federation:
            raise _cannot(f"{federation!r} cannot be a federation's name")
        key = ec.generate_private_key(ec.SECP384R1())
        now = to_datetime(clock())
        return cls(federation, root_certificate(key, federation, generation, now), key)

    @property
    def id(self) -> str:
        """The root's id: `root-<generation>`."""
        return authority_id(self.certificate.subject)

    @property
    def pem(self) -> bytes:
        """The root certificate."""
        return to_pem(self.certificate)

    def create_next(self, clock: Clock, *, generation: int = 0) -> Self:
        """Make the root after this one, with a cross-certificate by this one.

        The generation is the next one if it is not given: give it when that one was aborted.

        Raises:
            LandbridgeError: LB-1101 when the generation does not come after this root's.
        """
        own = generation_of(self.certificate.subject)
        if generation and generation <= own:
            raise _cannot(f"root {generation} cannot follow root {own}")
        made = type(self).create(self.federation, clock, generation=generation or own + 1)
        cross = cross_certificate(
            made.key.public_key(),
            to_datetime(clock()),
            new_root=made.certificate,
            old_root=self.certificate,
            old_key=self.key,
        )
        return type(self)(self.federation, made.certificate, made.key, cross)

    def sign_issuing(
        self,
        public: ec.EllipticCurvePublicKey,
        clock: Clock,
        *,
        generation: int,
        agency: str = "",
    ) -> x509.Certificate:
        """Certify the key of an issuing authority, which may lie elsewhere.

        With an agency, the authority may issue for nobody but that agency.

        Raises:
            LandbridgeError: LB-1101 when the key is not P-256 or the agency's id not well formed.
        """
        if public.curve.name != "secp256r1":
            raise _cannot("the key of an issuing authority is not on the curve P-256")
        return issuing_certificate(
            public,
            generation,
            to_datetime(clock()),
            root=self.certificate,
            root_key=self.key,
            name_constraints=f"{check_agency(agency)}.{self.federation}" if agency else None,
        )

    def create_issuing(self, clock: Clock, *, generation: int = 1, agency: str = "") -> Issuing:
        """Make an issuing authority with a key of its own.

        Raises:
            LandbridgeError: LB-1101 when the agency's id is not well formed.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key()
        certificate = self.sign_issuing(public, clock, generation=generation, agency=agency)
        return Issuing(self.federation, certificate, key, self.certificate, self.cross)

    def save(self, folder: Path, passphrase: bytes) -> None:
        """Write root.pem, and root.key encrypted under the passphrase.

        Raises:
            LandbridgeError: LB-1101 when the passphrase is empty, or another root lies there.
        """
        if not passphrase:
            raise _cannot("a root's key is not written without a passphrase", folder)
        key = folder / "root.key"
        if key.exists() and load_certificates(folder / "root.pem")[0] != self.certificate:
            raise _cannot("another root's key lies here already", key)
        write_whole(key, key_pem(self.key, passphrase))
        write_whole(folder / "root.pem", to_pem(self.certificate, self.cross), mode=0o644)

    @classmethod
    def load(cls, folder: Path, federation: str, passphrase: bytes) -> Self:
        """Read what `save` wrote.

        Raises:
            LandbridgeError: LB-4011 when others may read the key; LB-1101 when a file is not right
                or the passphrase is wrong.
        """
        key = load_key(folder / "root.key", passphrase)
        certificate, cross = load_certificates(folder / "root.pem", key)
        return cls(federation, certificate, key, cross)


def _cannot(message: str, path: Path | None = None) -> LandbridgeError:
    return refuse(Reason.INVALID_CONFIGURATION, message, where=str(path or ""))
