"""Lint: nothing that the authority signs is handed out before two judges found nothing in it.

One is our own (certs/profile_check.py), the other is pkilint, which knows RFC 5280 far better. It
comes with the extra `authority`, and is imported only when something is linted, since that takes
a third of a second.
"""

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs.authority_name import federation_of
from certs.list_check import check_list
from certs.profile_check import MALFORMED, Finding, Kind, check_profile, kind_of
from landbridge.agency import parse_identity
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.trust.authority import is_issued_by

__all__ = ["Finding", "Kind", "kind_of", "lint_certificate", "lint_chain", "lint_crl", "refuse_on"]

# Longer chains of clients are cut off by TLS as gRPC does it, at about 8 KB.
LONGEST_CHAIN = 6 * 1024
_NOT_SPIFFE = "pkix.invalid_uri_syntax"


def lint_certificate(der: bytes, kind: Kind) -> tuple[Finding, ...]:
    """Lint one certificate; an empty answer means that nothing is wrong with it.

    Raises:
        LandbridgeError: LB-1101 when pkilint is not installed.
    """
    own = check_profile(der, kind)
    if any(finding.code == "unreadable" for finding in own):
        return own
    return own + tuple(
        finding
        for finding in _pkilint().certificate(der)
        if not _is_our_scheme(finding, x509.load_der_x509_certificate(der))
    )


def lint_chain(pem: bytes) -> tuple[Finding, ...]:
    """Lint what a party shows: each certificate, that each is signed by the next, and the size.

    Raises:
        LandbridgeError: LB-1101 when pkilint is not installed.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except MALFORMED as error:
        return (Finding("unreadable", f"the chain cannot be read ({type(error).__name__})"),)
    ders = [each.public_bytes(serialization.Encoding.DER) for each in certificates]
    findings = [
        Finding(finding.code, f"certificate {place}: {finding.message}")
        for place, (certificate, der) in enumerate(zip(certificates, ders, strict=True), start=1)
        for finding in lint_certificate(der, kind_of(certificate))
    ]
    length = sum(map(len, ders))
    if length > LONGEST_CHAIN:
        findings.append(Finding("length", f"the chain has {length} bytes of DER"))
    for place, (signed, issuer) in enumerate(itertools.pairwise(certificates), start=1):
        if not is_issued_by(signed, issuer):
            findings.append(
                Finding("order", f"certificate {place} is not signed by certificate {place + 1}")
            )
    return tuple(findings)


def lint_crl(der: bytes, issuer: x509.Certificate) -> tuple[Finding, ...]:
    """Lint a revocation list of an authority; an empty answer means that nothing is wrong.

    Raises:
        LandbridgeError: LB-1101 when pkilint is not installed.
    """
    own = check_list(der, issuer)
    if any(finding.code == "unreadable" for finding in own):
        return own
    return own + tuple(_pkilint().revocation_list(der))


def refuse_on(findings: Iterable[Finding], what: str) -> None:
    """Let nothing pass in which something was found.

    Raises:
        LandbridgeError: LB-4006 when there are findings.
    """
    if told := "; ".join(f"{finding.message} ({finding.code})" for finding in findings):
        raise refuse(
            Reason.CERTIFICATE_REFUSED,
            f"{what} does not pass the lint: {told}",
            next_step="do not use it; have it made anew by the federation's authority",
        )


def _is_our_scheme(finding: Finding, certificate: x509.Certificate) -> bool:
    """Tell whether the finding is that pkilint knows no `spiffe://`: exactly our own identity."""
    if finding.code != _NOT_SPIFFE:
        return False
    uri = finding.message.removeprefix('Invalid URI syntax: "').removesuffix('"')
    try:
        parse_identity(uri, federation_of(certificate.issuer))
    except LandbridgeError:
        return False
    return True


class _Pkilint:
    """The validators of pkilint for certificates and lists of RFC 5280."""

    def __init__(self) -> None:
        try:
            from pkilint import (  # type: ignore[import-untyped]  # noqa: PLC0415  slow to import
                loader,
                pkix,
                validation,
            )
            from pkilint.pkix import (  # type: ignore[import-untyped]  # noqa: PLC0415  the same
                certificate,
                crl,
                extension,
                name,
            )
        except ImportError as error:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                "pkilint is not installed, and nothing is signed without its judgement",
                next_step="pip install 'landbridge[authority]'",
            ) from error
        self._load_certificate = loader.RFC5280CertificateDocumentLoader().load_der_document
        self._load_list = loader.RFC5280CertificateListDocumentLoader().load_der_document
        self._worst_allowed = validation.ValidationFindingSeverity.INFO
        self._certificates = certificate.create_pkix_certificate_validator_container(
            certificate.create_decoding_validators(
                name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
            ),
            [
                certificate.create_issuer_validator_container([]),
                certificate.create_validity_validator_container(),
                certificate.create_subject_validator_container([]),
                certificate.create_extensions_validator_container([]),
                certificate.create_spki_validator_container([]),
            ],
        )
        self._lists = crl.create_pkix_crl_validator_container(
            [
                pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
                pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
            ],
            [
                crl.create_issuer_validator_container([]),
                crl.create_validity_validator_container([]),
                crl.create_extensions_validator_container([]),
            ],
        )

    def certificate(self, der: bytes) -> list[Finding]:
        return self._judge(der, self._load_certificate, self._certificates)

    def revocation_list(self, der: bytes) -> list[Finding]:
        return self._judge(der, self._load_list, self._lists)

    def _judge(
        self,
        der: bytes,
        load: Callable[[bytes, str], Any],
        validator: Any,  # noqa: ANN401  pkilint has no types
    ) -> list[Finding]:
        try:
            document = load(der, "linted")
        except ValueError as error:
            return [Finding("unreadable", f"pkilint cannot read it: {error}")]
        return [
            Finding(each.finding.code, each.message or each.finding.code)
            for result in validator.validate(document.root)
            for each in result.finding_descriptions
            if each.finding.severity < self._worst_allowed
        ]


@functools.cache
def _pkilint() -> _Pkilint:
    return _Pkilint()
