"""`landbridge memo lint|sign|show|explain`: memoranda for the people who agree on them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cyclopts import App

from landbridge.clock import system_clock
from landbridge.commands.files import read_named
from landbridge.commands.output import (
    Output,
    OutputOption,
    data_console,
    print_json,
    talk,
    visible,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey, split_key_id, write_whole
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.sentences import sentences, standing
from landbridge.memorandum.signature import SignedForm

SIGNED: Final = ".jws.json"
"""How the file of a signed form ends; it lies beside the YAML and is named after the id."""

_COMPLETE: Final = 0
_FAILED: Final = 1

app = App(name="memo", help="Lint, sign, show and explain memoranda.")
app.command(
    "landbridge.commands.memo.explain:explain",
    name="explain",
    help="Say which clause allows or refuses, and what would have to change.",
)


@dataclass(frozen=True, slots=True)
class MemoFile:
    """A memorandum as a file holds it; `form` where that is the signed form."""

    memorandum: Memorandum
    form: SignedForm | None


@app.command
def lint(*files: Path, output: OutputOption = Output.TABLE) -> int:
    """Check memoranda; each mistake is told with its file, line and column.

    Args:
        files: Memoranda as people write them (YAML), or their signed forms (.json).
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when no file is named.
    """
    if not files:
        raise refuse(Reason.USAGE, "no file is named", next_step="landbridge memo lint FILE...")
    payloads: dict[str, bytes] = {}
    findings = [_find(file, payloads) for file in files]
    if output is Output.JSON:
        print_json({"files": findings}, output)
    elif output is Output.NDJSON:
        for finding in findings:
            print_json(finding, output)
    else:
        for finding in findings:
            _print_unbroken(_finding_line(finding))
    return _COMPLETE if all(finding["ok"] for finding in findings) else _FAILED


@app.command
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
    _talk_of_validity(memorandum)
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


@app.command
def show(file: Path, /, *, output: OutputOption = Output.TABLE) -> int:
    """Show a memorandum in sentences: who may read what about whom, why and until when.

    Args:
        file: The memorandum (YAML), or its signed form (.json).
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4101 for a malformed memorandum.
    """
    opened = open_memorandum(file)
    lines = list(sentences(opened.memorandum, system_clock()))
    signatures = [_signature(each.key_id) for each in opened.form.signatures] if opened.form else []
    if output is Output.TABLE:
        for line in lines:
            _print(line)
        for signature in signatures:
            _print(f"Signed by {signature['agency']} with the key {signature['key_id']}.")
    else:
        document: dict[str, Any] = json.loads(opened.memorandum.to_json())
        shown = {"sentences": lines, "document": document, "signatures": signatures}
        print_json(shown, output)
    if opened.form:
        missing = opened.form.missing()
        talk(f"still to sign: {', '.join(missing)}" if missing else "every party has signed")
        talk("signatures are not verified here: nodes and gateway hold them against their bundle")
    return _COMPLETE


def open_memorandum(path: Path) -> MemoFile:
    """Read a memorandum in either of its forms, told apart by `.json`.

    Raises:
        LandbridgeError: LB-1106 when the file cannot be read, LB-4101 when it is malformed.
    """
    if path.suffix != ".json":
        return MemoFile(Memorandum.from_yaml(path), None)
    document = read_named(path, "memorandum")
    try:
        form = SignedForm.parse(document)
        return MemoFile(Memorandum.from_json(form.payload), form)
    except LandbridgeError as error:
        place = f"{path}: {error.where}" if error.where else str(path)
        raise refuse(error.reason, error.message, where=place, next_step=error.next_step) from error


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


def _find(file: Path, payloads: dict[str, bytes]) -> dict[str, Any]:
    try:
        memorandum = open_memorandum(file).memorandum
        payload = memorandum.to_json()
        if payloads.setdefault(memorandum.id, payload) != payload:
            raise refuse(
                Reason.MALFORMED_MEMORANDUM,
                f"another of these files has the id {memorandum.id} and another text",
                where=str(file),
            )
    except LandbridgeError as error:
        return {
            "file": str(file),
            "ok": False,
            "code": error.code,
            "where": error.where,
            "message": error.message,
        }
    _talk_of_validity(memorandum)
    return {
        "file": str(file),
        "ok": True,
        "memorandum": memorandum.id,
        "parties": list(memorandum.parties),
        "clauses": len(memorandum.grants),
    }


def _finding_line(finding: dict[str, Any]) -> str:
    if finding["ok"]:
        parties = ", ".join(finding["parties"])
        return f"{finding['file']}: in order; {finding['clauses']} clauses between {parties}"
    place = f"{finding['where']}: " if finding["where"] else ""
    return f"{finding['code']}  {place}{finding['message']}"


def _talk_of_validity(memorandum: Memorandum) -> None:
    if state := standing(memorandum.valid, system_clock()):
        talk(f"note: {memorandum.id} is {state} in force, and grants nothing at present")


def _signature(key_id: str) -> dict[str, str]:
    return {"agency": split_key_id(key_id)[0], "key_id": key_id}


def _print(line: str) -> None:
    data_console().print(visible(line), markup=False)


def _print_unbroken(line: str) -> None:
    # A line that editors and other programs read stays one line.
    data_console().print(visible(line), markup=False, soft_wrap=True)
