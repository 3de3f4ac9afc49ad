"""The signed form of a memorandum on the disk: opened for one more signature, and written."""

from pathlib import Path
from typing import Final

from landbridge.commands.memo.memo_file import SIGNED, open_memorandum
from landbridge.commands.output import Output, data_console, print_json, visible
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import write_whole
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import SignedForm

_COMPLETE: Final = 0


def open_form(file: Path, out: Path | None) -> tuple[Memorandum, SignedForm, Path]:
    """Return a memorandum, its signed form so far, and where the next one is written.

    Raises:
        LandbridgeError: LB-4101 for a malformed memorandum; LB-4001 when the form beside it holds
            another text; LB-1106 when another file would be written over.
    """
    opened = open_memorandum(file)
    path = file if opened.form else file.with_name(opened.memorandum.id + SIGNED)
    form = opened.form or _form_so_far(opened.memorandum, path)
    target = out or path
    if target != path and target.exists():
        raise is_there(target)
    return opened.memorandum, form, target


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


def write_form(
    memorandum: Memorandum, form: SignedForm, agency: str, target: Path, output: Output
) -> int:
    """Write the form that an agency has signed, and say who has yet to sign."""
    write_whole(target, form.to_bytes(), mode=0o644)
    missing = form.missing()
    if output is Output.TABLE:
        print_unbroken(f"{agency} has signed {memorandum.id}: {target}")
        # `memo show` says the same of the text that it shows.
        print_unbroken(f"SHA-256 of the text: {memorandum.digest}")
        _print(f"still to sign: {', '.join(missing)}" if missing else "every party has signed")
    else:
        signed = {"memorandum": memorandum.id, "digest": memorandum.digest, "file": str(target)}
        print_json({**signed, "signed_by": agency, "missing": list(missing)}, output)
    return _COMPLETE


def is_there(path: Path) -> LandbridgeError:
    """Make the error for a file that would be written over."""
    return refuse(
        Reason.USAGE,
        "the file is there already, and may hold signatures",
        where=str(path),
        next_step="name a new file with --out, or sign that file itself",
    )


def _print(line: str) -> None:
    data_console().print(visible(line), markup=False)


def print_unbroken(line: str) -> None:
    """Print a line that editors and other programs read: it stays one line."""
    data_console().print(visible(line), markup=False, soft_wrap=True)
