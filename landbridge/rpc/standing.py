"""How a leaf certificate stands before the present trust: form, issuer, signature, revocation.

TLS checks no revocation, knows no states of authorities, and accepts whatever leads to an anchor by
any way; so all of it is checked here, for peers at each call and for a party's own leaf.
"""

from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509

from landbridge.clock import to_iso
from landbridge.errors import Reason, refuse
from landbridge.rpc.certificate import LeafCertificate, read_leaf
from landbridge.trust.authority import is_issued_by
from landbridge.trust.store import Trust

_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Standing:
    """A leaf that the trust accepts while the time is right; times are in Unix milliseconds."""

    leaf: LeafCertificate
    issuer: str
    issuer_until: int | None

    def check_time(self, now: int) -> None:
        """Hold the certificate against the clock.

        Raises:
            LandbridgeError: LB-4019 when it is not valid now; LB-4020 when its issuer is tainted
                and no longer accepted.
        """
        leaf = self.leaf
        if not leaf.not_before <= now < leaf.not_after:
            raise refuse(
                Reason.CERTIFICATE_EXPIRED,
                f"the certificate is valid from {to_iso(leaf.not_before)}"
                f" until {to_iso(leaf.not_after)}, and now it is {to_iso(now)}",
            )
        if self.issuer_until is not None and now >= self.issuer_until:
            raise refuse(
                Reason.ISSUER_REFUSED,
                f"its issuer {self.issuer} is tainted and was accepted"
                f" until {to_iso(self.issuer_until)}",
            )


def standing(pem: bytes, trust: Trust) -> Standing:
    """Hold a leaf certificate against the trust, in all but the time.

    Raises:
        LandbridgeError: LB-4006 when its form is not right or its signature does not verify;
            LB-4005 when its URI is no identity; LB-4020 when its issuer is not in use; LB-4018 when
            it is revoked.
    """
    bundle = trust.bundle
    leaf = read_leaf(pem, bundle.federation)
    issuer = bundle.issuers.get(leaf.issuer_key_id)
    if issuer is None:
        raise refuse(
            Reason.ISSUER_REFUSED,
            f"its issuer {leaf.issuer_key_id} is not in use by trust bundle {bundle.number}",
        )
    if not _is_signed(pem, issuer.certificate):
        raise refuse(Reason.CERTIFICATE_REFUSED, f"{issuer.id} has not signed the certificate")
    if trust.is_revoked(leaf.issuer_key_id, leaf.serial):
        raise refuse(Reason.CERTIFICATE_REVOKED, f"the certificate {leaf.serial:x} is revoked")
    return Standing(leaf, issuer.id, issuer.until_ms)


@lru_cache(_REMEMBERED)
def _is_signed(pem: bytes, issuer: x509.Certificate) -> bool:
    return is_issued_by(x509.load_pem_x509_certificate(pem), issuer)
