"""`landbridge memo sign`: one party's signature on a memorandum."""

from pathlib import Path
from typing import Final

from landbridge.commands.memo.memo_file import SIGNED, open_memorandum, talk_of_validity
from landbridge.commands.output import Output, OutputOption, data_console, print_json, visible
from landbridge.errors import Reason, refuse
from landbridge.keys import SigningKey, write_whole
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import SignedForm

_COMPLETE: Final = 0


def sign(
    file: Path,
    /,
    *,
    key: Path,
    agency: str,
    out: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Add one party's signature to a memorandum's signed form.

    Args:
        file: The memorandum (YAML), or its signed form so far (.json).
        key: The file of the party's signing key for memoranda.
        agency: The party that signs.
        out: Where to write the signed form; without it, beside the memorandum.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4101 for a malformed memorandum; LB-4102 when the agency is no party or
            has signed already; LB-4002 for another agency's key; LB-4011 for a key that others may
            read; LB-4001 when the signed form holds another text than the memorandum.
    """
    opened = open_memorandum(file)
    memorandum = opened.memorandum
    path = file if opened.form else file.with_name(memorandum.id + SIGNED)
    form = opened.form or _form_so_far(memorandum, path)
    target = out or path
    if target != path and target.exists():
        raise refuse(
            Reason.USAGE,
            "the file is there already, and may hold signatures",
            where=str(target),
            next_step="name a new file with --out, or sign that file itself",
        )
    talk_of_validity(memorandum)
    form = form.add(SigningKey.load(key), agency)
    write_whole(target, form.to_bytes(), mode=0o644)
    missing = form.missing()
    if output is Output.TABLE:
        _print_unbroken(f"{agency} has signed {memorandum.id}: {target}")
        _print(f"still to sign: {', '.join(missing)}" if missing else "every party has signed")
    else:
        signed = {"memorandum": memorandum.id, "file": str(target), "signed_by": agency}
        print_json({**signed, "missing": list(missing)}, output)
    return _COMPLETE


def _form_so_far(memorandum: Memorandum, path: Path) -> SignedForm:
    """Return the signed form beside a memorandum, without signatures where there is none."""
    if not path.exists():
        return SignedForm(memorandum.to_json())
    form = open_memorandum(path).form
    if form is None or form.payload != memorandum.to_json():
        raise refuse(
            Reason.BAD_SIGNATURE,
            "the signed form holds another text than the memorandum beside it",
            where=str(path),
            next_step="undo the change in the memorandum, or move the signed form away and have "
            "every party sign anew",
        )
    return form


def _print(line: str) -> None:
    data_console().print(visible(line), markup=False)


def _print_unbroken(line: str) -> None:
    # A line that editors and other programs read stays one line.
    data_console().print(visible(line), markup=False, soft_wrap=True)
