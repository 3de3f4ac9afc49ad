"""`landbridge cert lint FILE...`: holds certificates and revocation lists against their profile."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cyclopts import Parameter

from certs.lint import Kind, kind_of, lint_certificate, lint_chain, lint_crl
from certs.profile_check import MALFORMED, Finding
from landbridge.clock import to_iso
from landbridge.commands.files import read_named
from landbridge.commands.output import Output, OutputOption, data_console, print_json, visible
from landbridge.errors import Reason, refuse
from landbridge.keys import read_private
from landbridge.trust.document import unix_ms

_LISTS: Final = (".crl",)
_PEM_MARK: Final = b"-----BEGIN "
_KEY_MARK: Final = b"PRIVATE KEY-----"


def lint(
    *files: Path,
    issuer: Annotated[Path | None, Parameter()] = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Lint certificates (PEM or DER), credentials and revocation lists (.crl); changes nothing.

    A credential or chain is held together too: each certificate signed by the next, and no longer
    than TLS carries. Exit code 1 says that something was found.

    Args:
        files: Certificates, a party's credential.pem, or revocation lists in DER.
        issuer: The certificate of the authority that signed the revocation lists.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when no file is named, one cannot be read, or a list's issuer is
            not given; LB-4011 when others may read a private key among them.
    """
    if not files:
        raise refuse(Reason.USAGE, "no file is named", next_step="landbridge cert lint FILE...")
    reports = [_report(file, issuer) for file in files]
    if output is Output.JSON:
        print_json({"files": reports}, output)
    elif output is Output.NDJSON:
        for report in reports:
            print_json(report, output)
    else:
        for line in _lines(reports):
            data_console().print(visible(line), markup=False, soft_wrap=True)
    return 0 if all(report["ok"] for report in reports) else 1


def _report(file: Path, issuer: Path | None) -> dict[str, Any]:
    data = read_named(file, "file")
    if _KEY_MARK in data:
        # A file that holds a private key is read again, now with a look at who else may read it.
        data = read_private(file)
    if file.suffix in _LISTS:
        return _summary(file, "revocation list", "", _lint_list(data, file, issuer))
    try:
        certificates = _certificates(data)
    except MALFORMED as error:
        unreadable = Finding("unreadable", f"it holds no certificate ({type(error).__name__})")
        return _summary(file, "file", "", [unreadable])
    first = certificates[0]
    what = f"{kind_of(first)}, ends {to_iso(unix_ms(first.not_valid_after_utc))}"
    findings: Iterable[Finding]
    if len(certificates) == 1:
        findings = lint_certificate(first.public_bytes(serialization.Encoding.DER), kind_of(first))
    elif kind_of(first) is Kind.LEAF:
        what += f", with {len(certificates) - 1} above it"
        pem = [each.public_bytes(serialization.Encoding.PEM) for each in certificates]
        findings = lint_chain(b"".join(pem))
    else:
        what += f", and {len(certificates) - 1} more"
        findings = [
            Finding(finding.code, f"certificate {place}: {finding.message}")
            for place, each in enumerate(certificates, start=1)
            for finding in lint_certificate(
                each.public_bytes(serialization.Encoding.DER), kind_of(each)
            )
        ]
    return _summary(file, what, _named(first), findings)


def _certificates(data: bytes) -> list[x509.Certificate]:
    if _PEM_MARK in data:
        return x509.load_pem_x509_certificates(data)
    return [x509.load_der_x509_certificate(data)]


def _lint_list(data: bytes, file: Path, issuer: Path | None) -> Sequence[Finding]:
    if issuer is None:
        raise refuse(
            Reason.USAGE,
            "a revocation list is held against the authority that signed it",
            where=str(file),
            next_step="give its certificate: --issuer issuing.pem",
        )
    try:
        authority = _certificates(read_named(issuer, "authority's certificate"))[0]
    except MALFORMED as error:
        raise refuse(
            Reason.USAGE, "the authority's certificate cannot be read", where=str(issuer)
        ) from error
    return lint_crl(data, authority)


def _named(certificate: x509.Certificate) -> str:
    """Name a certificate by its subject, a leaf by its identity."""
    if subject := certificate.subject.rfc4514_string():
        return subject
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return ", ".join(names.get_values_for_type(x509.UniformResourceIdentifier))
    except MALFORMED:
        return ""


def _summary(file: Path, what: str, name: str, findings: Iterable[Finding]) -> dict[str, Any]:
    found = [{"code": finding.code, "message": finding.message} for finding in findings]
    return {"file": str(file), "ok": not found, "what": what, "name": name, "findings": found}


def _lines(reports: Iterable[dict[str, Any]]) -> Iterable[str]:
    for report in reports:
        name = f"{report['name']}: " if report["name"] else ""
        if report["ok"]:
            yield f"{report['file']}: {name}in order ({report['what']})"
        for finding in report["findings"]:
            yield f"{report['file']}: {name}{finding['message']} ({finding['code']})"
