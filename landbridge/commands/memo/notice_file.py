"""Notices on the disk: written by one party, signed by all whom they name."""

from pathlib import Path
from typing import Final

from landbridge.commands.memo.form_file import is_there, print_unbroken
from landbridge.commands.output import Output, print_json
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, read_public_file, write_whole
from landbridge.library.kinds import Kind, kind_of
from landbridge.memorandum.notice import SignedNotice, WrittenNotice
from landbridge.memorandum.signed_form import sign

_COMPLETE: Final = 0


def is_notice(path: Path) -> bool:
    """Tell whether a file holds the signed form of a notice."""
    if path.suffix != ".json" or not path.is_file():
        return False
    try:
        return kind_of(read_public_file(path)) is Kind.NOTICE
    except LandbridgeError:
        return False


def sign_notice(path: Path, key: SigningKey, agency: str, out: Path, output: Output) -> int:
    """Add the signature of one of those whom a notice names.

    Raises:
        LandbridgeError: LB-4104 for a malformed notice; LB-4102 when it does not name the agency,
            or has its signature; LB-4002 for another agency's key; LB-1106 when another file would
            be written over.
    """
    form = SignedNotice.parse(read_public_file(path))
    written = WrittenNotice.from_json(form.payload)
    if out != path and out.exists():
        raise is_there(out)
    form = add_signature(form, written, key, agency)
    write_whole(out, form.to_bytes(), mode=0o644)
    missing = unsigned(form, written)
    if output is Output.TABLE:
        print_unbroken(f"{agency} has signed the notice on {written.memorandum}: {out}")
        print_unbroken(
            f"still to sign: {', '.join(missing)}" if missing else "all whom it names have signed"
        )
    else:
        said = {"memorandum": written.memorandum, "file": str(out), "signed_by": agency}
        print_json({**said, "missing": missing}, output)
    return _COMPLETE


def add_signature(
    form: SignedNotice, written: WrittenNotice, key: SigningKey, agency: str
) -> SignedNotice:
    """Sign a notice for one of those whom it names.

    Raises:
        LandbridgeError: as for `sign_notice`.
    """
    where = f"notice on {written.memorandum}"
    if agency not in written.signers:
        raise refuse(
            Reason.SIGNERS_NOT_PARTIES,
            f"the notice does not name {agency}; it names {', '.join(written.signers)}",
            where=where,
            next_step="write a notice that names all who are to sign it",
        )
    if key.agency != agency or key.use is not KeyUse.MEMORANDUM:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the key {key.key_id} is not a key of {agency} for memoranda",
            where=where,
            next_step=f"sign with the key {agency}/{KeyUse.MEMORANDUM}/...",
        )
    if agency in {signature.agency for signature in form.signatures}:
        raise refuse(
            Reason.SIGNERS_NOT_PARTIES,
            f"{agency} has signed already",
            where=where,
            next_step="nothing to do: each signs exactly once",
        )
    return form.with_signature(sign(form.payload, key))


def unsigned(form: SignedNotice, written: WrittenNotice) -> list[str]:
    """Name those who have not signed a notice yet, going by the key ids alone."""
    signers = {signature.agency for signature in form.signatures}
    return [agency for agency in written.signers if agency not in signers]
