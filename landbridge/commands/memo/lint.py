"""`landbridge memo lint`: every mistake of memoranda, with its place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from landbridge.commands.memo.fit import Surroundings, find_misfits
from landbridge.commands.memo.memo_file import MemoFile, open_memorandum, talk_of_validity
from landbridge.commands.output import (
    Output,
    OutputOption,
    data_console,
    print_json,
    talk,
    visible,
)
from landbridge.counted import counted
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.advice import find_advice
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Settled, settle
from landbridge.memorandum.problems import complain

_COMPLETE: Final = 0
_FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class _Beside:
    """What the memoranda of one call are held against: one another, and a federation."""

    memoranda: dict[str, Memorandum]
    settled: Settled
    around: Surroundings | None


def lint(*files: Path, federation: Path | None = None, output: OutputOption = Output.TABLE) -> int:
    """Check memoranda; each mistake is told with its file, line and column.

    Args:
        files: Memoranda as people write them (YAML), or their signed forms (.json).
        federation: A federation's folder, to check agencies, purposes, datasets, fields and types.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when no file is named; LB-1101 for a malformed federation.toml or
            node.toml.
    """
    if not files:
        raise refuse(Reason.USAGE, "no file is named", next_step="landbridge memo lint FILE...")
    around = Surroundings.load(federation) if federation else None
    opened = [_open(file) for file in files]
    memoranda: dict[str, Memorandum] = {}
    for each in opened:
        if isinstance(each, MemoFile):
            memoranda.setdefault(each.memorandum.id, each.memorandum)
    beside = _Beside(memoranda, settle(memoranda.values()), around)
    findings = [_judge(file, each, beside) for file, each in zip(files, opened, strict=True)]
    if output is Output.JSON:
        print_json({"files": findings}, output)
    else:
        for finding in findings:
            if output is Output.NDJSON:
                print_json(finding, output)
            else:
                # A line that editors and other programs read stays one line.
                line = visible(_line(finding))
                data_console().print(line, markup=False, soft_wrap=True)
    return _COMPLETE if all(finding["ok"] for finding in findings) else _FAILED


def _open(file: Path) -> MemoFile | LandbridgeError:
    try:
        return open_memorandum(file)
    except LandbridgeError as error:
        return error


def _judge(file: Path, opened: MemoFile | LandbridgeError, beside: _Beside) -> dict[str, Any]:
    if isinstance(opened, LandbridgeError):
        return _tell(file, opened)
    error = _find_error(file, opened, beside)
    if error is not None:
        return _tell(file, error)
    _talk_of(opened, beside)
    return {
        "file": str(file),
        "ok": True,
        "memorandum": opened.memorandum.id,
        "parties": list(opened.memorandum.parties),
        "clauses": len(opened.memorandum.grants),
    }


def _tell(file: Path, error: LandbridgeError) -> dict[str, Any]:
    return {
        "file": str(file),
        "ok": False,
        "code": error.code,
        "where": error.where,
        "message": error.message,
    }


def _find_error(file: Path, opened: MemoFile, beside: _Beside) -> LandbridgeError | None:
    memorandum = opened.memorandum
    if beside.memoranda[memorandum.id] != memorandum:
        return refuse(
            Reason.MALFORMED_MEMORANDUM,
            f"another of these files has the id {memorandum.id} and another text",
            where=str(file),
        )
    if memorandum.id in beside.settled.refused:
        return refuse(
            Reason.NOT_A_SUCCESSOR,
            beside.settled.refused[memorandum.id],
            where=opened.locate(("amends",)),
        )
    misfits = find_misfits(memorandum, beside.around) if beside.around else ()
    problems = [(opened.locate(way), what) for way, what in misfits]
    return complain(problems) if problems else None


def _talk_of(opened: MemoFile, beside: _Beside) -> None:
    """Say on stderr what a reader should know though it is no mistake."""
    memorandum = opened.memorandum
    talk_of_validity(memorandum)
    for way, why in find_advice(memorandum):
        talk(f"note: {opened.locate(way)}: {why}")
    if memorandum.amends is not None and memorandum.amends not in beside.memoranda:
        talk(f"note: {memorandum.amends}, which {memorandum.id} amends, is not among these files")
    for provider in beside.around.unseen(memorandum) if beside.around else ():
        talk(f"note: no node.toml of {provider} is there; its datasets and fields are not checked")


def _line(finding: dict[str, Any]) -> str:
    if finding["ok"]:
        parties = ", ".join(finding["parties"])
        clauses = counted(finding["clauses"], "clause")
        return f"{finding['file']}: in order; {clauses} between {parties}"
    place = f"{finding['where']}: " if finding["where"] else ""
    return f"{finding['code']}  {place}{finding['message']}"
