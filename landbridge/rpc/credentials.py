"""A party's own credential: its key and its chain in one file, checked before it is shown."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import read_private
from landbridge.rpc.certificate import LeafCertificate
from landbridge.rpc.options import CHANNEL_OPTIONS
from landbridge.rpc.standing import Standing, standing
from landbridge.trust.authority import ODD_CERTIFICATE
from landbridge.trust.store import Trust

LONGEST_CHAIN: Final = 6 * 1024
"""Bytes of DER; gRPC's servers drop a client whose chain is longer than about 8 KB."""
_KEY = rb"-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n"
_CERTIFICATE = rb"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n"
# The leaf, its issuing authority, and the cross-certificate of a root that not everybody has yet.
_FILE = re.compile(rb"(%b)((%b)%b(%b)?)" % (_KEY, _CERTIFICATE, _CERTIFICATE, _CERTIFICATE))


@dataclass(frozen=True, slots=True)
class Credential:
    """A private key and the chain that certifies it, known to fit each other and the trust."""

    key: bytes = field(repr=False)
    """PKCS #8 in PEM."""
    chain: bytes = field(repr=False)
    """PEM: leaf, issuing authority, and the cross-certificate while it is needed."""
    leaf: LeafCertificate
    certificate: x509.Certificate = field(repr=False)
    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def read(cls, path: Path, trust: Trust, *, clock: Clock = system_clock) -> Self:
        """Read a credential file, which holds key, leaf, issuing authority and cross-certificate.

        Raises:
            LandbridgeError: LB-1101 when it cannot be read; LB-4011 when others may read it; else
                as for `parse`.
        """
        return cls.parse(read_private(path), trust, where=str(path), clock=clock)

    @classmethod
    def parse(
        cls, pem: bytes, trust: Trust, *, where: str = "", clock: Clock = system_clock
    ) -> Self:
        """Read what a credential file holds.

        Raises:
            LandbridgeError: LB-4017 when its parts are damaged or do not fit together; LB-4005 and
                LB-4006 when the leaf has not the federation's profile; LB-4018, LB-4019 and LB-4020
                when it is revoked, not valid now, or its issuer is not in use.
        """
        try:
            return cls._parse(pem, trust, clock())
        except LandbridgeError as error:
            raise refuse(
                error.reason, error.message, where=where, next_step=error.next_step
            ) from error

    @classmethod
    def _parse(cls, pem: bytes, trust: Trust, now: int) -> Self:
        match = _FILE.fullmatch(pem)
        if match is None:
            raise _unfit("it does not hold a private key and two or three certificates")
        key, chain, leaf_pem, _ = match.groups()
        held = standing(leaf_pem, trust)
        held.check_time(now)
        try:
            private = serialization.load_pem_private_key(key, password=None)
            leaf, *above = x509.load_pem_x509_certificates(chain)
            _check_chain(leaf, above, held, trust)
        except (*ODD_CERTIFICATE, UnsupportedAlgorithm) as error:
            raise _unfit("a part of it cannot be read") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey) or (
            private.public_key() != leaf.public_key()
        ):
            raise _unfit("its key is not the key of its certificate")
        return cls(key, chain, held.leaf, leaf, private)

    def check(self, trust: Trust, now: int) -> None:
        """Hold the certificate against other trust or another time, in Unix milliseconds.

        Raises:
            LandbridgeError: LB-4018, LB-4019, LB-4020 as for `parse`.
        """
        leaf = self.certificate.public_bytes(serialization.Encoding.PEM)
        standing(leaf, trust).check_time(now)

    @property
    def pem(self) -> bytes:
        """What a credential file holds."""
        return self.key + self.chain

    def without_cross(self) -> "Credential":
        """Return the credential as it is shown once every peer has the new root itself."""
        leaf, issuing = re.findall(_CERTIFICATE, self.chain)[:2]
        return replace(self, chain=leaf + issuing)


def open_channel(
    address: str, dns_name: str, credential: Credential, roots: bytes
) -> grpc.aio.Channel:
    """Open a channel to `host:port` that only the holder of that DNS name's certificate serves.

    `roots` is the PEM of the anchors that the server's certificate must lead to.
    """
    credentials = grpc.ssl_channel_credentials(roots, credential.key, credential.chain)
    options = (*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", dns_name))
    # The scheme is stated, so that no address can name another kind of resolver.
    return grpc.aio.secure_channel(f"dns:///{address}", credentials, options=options)


def _check_chain(
    leaf: x509.Certificate, above: list[x509.Certificate], held: Standing, trust: Trust
) -> None:
    """Hold what stands above the leaf against the trust bundle; the leaf's signature is checked.

    Raises:
        LandbridgeError: LB-4017 when the chain is too long or leads elsewhere.
    """
    encoding = serialization.Encoding.DER
    size = sum(len(each.public_bytes(encoding)) for each in (leaf, *above))
    if size > LONGEST_CHAIN:
        raise _unfit(f"its chain has {size} bytes, more than the {LONGEST_CHAIN} that all accept")
    issuer = trust.bundle.issuers[held.leaf.issuer_key_id]
    if above[0] != issuer.certificate:
        raise _unfit(f"its second certificate is not that of {issuer.id}")
    records = {record.id: record for record in trust.bundle.content.authorities}
    if above[1:] and above[1].public_key() != records[issuer.root_id].key:
        raise _unfit(f"its third certificate is not of the key of {issuer.root_id}")


def _unfit(message: str) -> LandbridgeError:
    return refuse(Reason.BAD_CREDENTIAL, f"the credential is not accepted: {message}")
