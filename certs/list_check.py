"""Our own lint of revocation lists: whether a list has exactly the form that ours have."""

import warnings
from collections.abc import Iterator
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning

from certs.authority_name import list_url
from certs.profile_check import MALFORMED, Finding
from landbridge.errors import LandbridgeError

_LONGEST_LIFE = timedelta(hours=25)
_EXTENSIONS = {
    x509.CRLNumber: False,
    x509.AuthorityKeyIdentifier: False,
    x509.IssuingDistributionPoint: True,
}


def check_list(der: bytes, issuer: x509.Certificate) -> tuple[Finding, ...]:
    """Hold a list against the form of ours; nothing found means that it has it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return tuple(_findings(x509.load_der_x509_crl(der), issuer))
    except MALFORMED as error:
        return (Finding("unreadable", f"it cannot be read ({type(error).__name__})"),)
    except LandbridgeError as error:
        return (Finding(error.code, error.message),)


def _findings(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> Iterator[Finding]:
    key = issuer.public_key()
    if found.issuer != issuer.subject:
        yield Finding("issuer", f"it is by {found.issuer.rfc4514_string()!r}")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not found.is_signature_valid(key):
        yield Finding("signature", "it is not signed by its authority")
    end = found.next_update_utc
    if end is None or not timedelta(0) < end - found.last_update_utc <= _LONGEST_LIFE:
        yield Finding("life", f"it has no next update within {_LONGEST_LIFE}")
    criticals = {type(each.value): each.critical for each in found.extensions}
    if criticals != _EXTENSIONS:
        yield Finding("extensions", "its extensions are not number, authority key and scope")
        return
    get = found.extensions.get_extension_for_class
    if get(x509.CRLNumber).value.crl_number < 1:
        yield Finding("number", "its number is not above 0")
    subject_key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    if get(x509.AuthorityKeyIdentifier).value.key_identifier != subject_key.digest:
        yield Finding("authority-key", "it names another key than its authority's")
    where = [x509.UniformResourceIdentifier(list_url(issuer.subject))]
    scope = get(x509.IssuingDistributionPoint).value
    if scope.full_name != where or scope.indirect_crl or scope.only_some_reasons:
        yield Finding("scope", "it is not the whole list that the certificates point to")
