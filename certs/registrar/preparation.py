"""How a root or an issuing authority is prepared: its key is made, its certificate is linted.

1. A root: `authority.prepare` of `root-<n>`; the attachment is the root's certificate, followed by
   its cross-certificate by the root before (PEM). Its key never comes here.
2. An issuing authority: `authority.prepare` of `issuing-<n>` without an attachment. The authority
   makes the key, unless it has, and gives back the DER of a PKCS #10 request (RFC 2986). This may
   be repeated.
3. Then `authority.prepare` of the same id; the attachment is the certificate that a root has made
   for that request (PEM).

Nobody hears of a prepared authority before `authority.publish`.
"""

from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs.authority_files import check_signed
from certs.authority_name import authority_id, federation_of
from certs.bundle import authority_record
from certs.csr import make_signing_request
from certs.lint import Kind, lint_certificate, refuse_on
from certs.registrar.plan import Plan, does_not_fit
from certs.registrar.prepared import PreparedAuthority, key_path, make_key, save_prepared
from certs.registrar.present import Present
from landbridge.clock import to_iso
from landbridge.errors import Reason, refuse
from landbridge.trust.authority import ODD_CERTIFICATE
from landbridge.trust.document import AuthorityState, Level, unix_ms

_LARGEST_PEM: Final = 16 * 1024
_WITH_CROSS: Final = 2


def plan_preparation(name: str, attachment: bytes, present: Present, folder: Path) -> Plan:
    """Work out what prepares an authority; `folder` is that of the authority's process.

    Raises:
        LandbridgeError: LB-4015 when the id does not fit or is taken; LB-1001 and LB-4006 when what
            is attached is not acceptable; LB-1101 when it is not signed as it must be.
    """
    level, _, number = name.partition("-")
    if level not in Level._value2member_map_ or not number.isdecimal() or number.startswith("0"):
        raise does_not_fit(f"{name[:60]!r} is not the id of an authority")
    if any(each.id == name for each in present.authorities):
        raise does_not_fit(f"there is an authority {name} already: ids are never used again")
    if level == Level.ROOT:
        return _prepare_root(name, _read(attachment), present)
    if not attachment:
        return _request(name, folder)
    return _prepare_issuing(name, _read(attachment), present, folder)


def _request(name: str, folder: Path) -> Plan:
    def carry_out(number: int) -> bytes:
        del number
        return make_signing_request(make_key(folder, name))

    is_there = key_path(folder, name).exists()
    effect = f"the key of {name} {'is there' if is_there else 'is made'}, for a root to certify"
    return Plan((effect,), carry_out=carry_out, once=False)


def _prepare_root(name: str, found: list[x509.Certificate], present: Present) -> Plan:
    root, *cross = found
    _check(name, root, Kind.ROOT, present)
    effects = [f"{name} is prepared; it ends at {_end(root)}"]
    for each in cross:
        _check(name, each, Kind.CROSS, present)
        vouching = [
            record
            for record in present.content.authorities
            if record.level is Level.ROOT and record.x509.subject == each.issuer
        ]
        if not vouching:
            raise does_not_fit("the cross-certificate is not by a root of the trust bundle")
        check_signed(each, vouching[0].x509)
        effects.append(f"{vouching[0].id} vouches for it, until {_end(each)}")
    if not cross:
        effects.append("no root vouches for it: nobody who misses its bundle can follow")
    # What could not stand in a bundle is found out now, and not when it is published.
    authority_record(
        root, AuthorityState.PUBLISHED, present.moment, cross=cross[0] if cross else None
    )
    return _plan(PreparedAuthority(name, AuthorityState.PREPARED, _pem(*found)), effects, present)


def _prepare_issuing(
    name: str, found: list[x509.Certificate], present: Present, folder: Path
) -> Plan:
    if len(found) != 1:
        raise does_not_fit("an issuing authority has one certificate, and no other beside it")
    (certificate,) = found
    _check(name, certificate, Kind.ISSUING, present)
    made = make_key(folder, name) if key_path(folder, name).exists() else None
    if made is None or made.public_key() != certificate.public_key():
        raise does_not_fit(
            f"the certificate is not for the key that the authority has made for {name}",
            next_step="fetch the authority's request for it, and have the root certify that",
        )
    above, root = _root_above(certificate, present)
    check_signed(certificate, root)
    authority_record(certificate, AuthorityState.PUBLISHED, present.moment, issuer=above)
    effects = [f"{name} is prepared under {above}; it ends at {_end(certificate)}"]
    prepared = PreparedAuthority(name, AuthorityState.PREPARED, _pem(certificate), above)
    return _plan(prepared, effects, present)


def _root_above(certificate: x509.Certificate, present: Present) -> tuple[str, x509.Certificate]:
    known = {
        **{e.id: e.certificates[0] for e in present.prepared.values() if not e.above},
        **{e.id: e.x509 for e in present.content.authorities if e.level is Level.ROOT},
    }
    for name, root in known.items():
        if root.subject == certificate.issuer:
            return name, root
    raise does_not_fit("the certificate is not by a root that is known here")


def _plan(prepared: PreparedAuthority, effects: list[str], present: Present) -> Plan:
    def carry_out(number: int) -> bytes:
        del number
        save_prepared(present.connection, prepared)
        return b""

    return Plan(tuple(effects), carry_out=carry_out)


def _read(attachment: bytes) -> list[x509.Certificate]:
    try:
        found = (
            x509.load_pem_x509_certificates(attachment) if len(attachment) <= _LARGEST_PEM else []
        )
    except ODD_CERTIFICATE:
        found = []
    if not 1 <= len(found) <= _WITH_CROSS:
        raise refuse(
            Reason.MALFORMED_REQUEST,
            "the attachment is not the PEM of a certificate, with a cross-certificate at most",
        )
    return found


def _check(name: str, certificate: x509.Certificate, kind: Kind, present: Present) -> None:
    refuse_on(
        lint_certificate(certificate.public_bytes(serialization.Encoding.DER), kind),
        f"the certificate of {name}",
    )
    if (authority_id(certificate.subject), federation_of(certificate.subject)) != (
        name,
        present.bundle.federation,
    ):
        raise does_not_fit(f"the certificate is not that of {name} of {present.bundle.federation}")


def _pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def _end(certificate: x509.Certificate) -> str:
    return to_iso(unix_ms(certificate.not_valid_after_utc))
