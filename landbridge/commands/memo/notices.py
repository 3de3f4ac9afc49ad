"""`landbridge memo suspend`, `resume` and `terminate`: notices of a party on what it has signed.

The notice is put into the party's own folder, where its node follows it within a second; the
gateway passes it on to all whom it concerns.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.clock import system_clock
from landbridge.commands.memo.document_line import DocumentLine
from landbridge.commands.memo.form_file import is_there, print_unbroken
from landbridge.commands.memo.notice_file import add_signature, unsigned
from landbridge.commands.moment import format_instant, read_moment
from landbridge.commands.output import Output, OutputOption, print_json, talk
from landbridge.errors import Reason, refuse
from landbridge.home import Home, find_home
from landbridge.keys import KeyUse, SigningKey, write_whole
from landbridge.library.kinds import Kind, digest_of, file_name
from landbridge.library.shelf import Shelf
from landbridge.library.store import read_shelf
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice, NoticeKind
from landbridge.memorandum.notice import SignedNotice, WrittenNotice, check_clauses, check_fits
from landbridge.party import PartyFolder
from landbridge.suggestion import did_you_mean

_COMPLETE: Final = 0
_SECOND_MS: Final = 1000
_VERBS: Final = {
    NoticeKind.SUSPEND: "suspends",
    NoticeKind.RESUME: "resumes",
    NoticeKind.TERMINATE: "terminates",
}


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class NoticeOptions:
    """What every notice takes."""

    state: Path
    """The folder of the party that gives notice: its node's, or its requester's."""
    reason: str
    """Why, in words for the other parties."""
    agency: str = ""
    """The party that gives notice; without it, the one whose key signs."""
    key: Path | None = None
    """The file of its signing key for memoranda; without it, the one in its folder."""
    from_: Annotated[str, Parameter(name="--from")] = ""
    """From when it holds, such as 2026-05-01 or 2026-05-01T12:00:00Z; without it, from now."""
    clause: tuple[str, ...] = ()
    """A clause that it is on; may be repeated. Without it, all."""
    signer: tuple[str, ...] = ()
    """Another party that signs, too; may be repeated. What all parties sign is on all clauses."""
    out: Path | None = None
    """Where to write it, instead of the party's folder; needed where others sign, too."""
    send: bool = False
    """Send it to the gateway at once."""
    home: Path | None = None
    """The home folder by which it is sent, where it is not .landbridge here or above."""
    output: OutputOption = Output.TABLE
    """How to print: table, json or ndjson."""


def suspend(memorandum: str, /, *, options: NoticeOptions) -> int:
    """Stop a memorandum, or clauses of it, until notice is given that it resumes.

    It stops the clauses in which one of its signers is the provider or a requester.

    Args:
        memorandum: The id of the memorandum.
        options: What every notice takes.

    Raises:
        LandbridgeError: LB-1106 for an unknown memorandum or time; LB-4104 for an unknown clause;
            LB-4102 for signers that are no parties; LB-4002 and LB-4011 for the key.
    """
    return _give(NoticeKind.SUSPEND, memorandum, options)


def resume(memorandum: str, /, *, options: NoticeOptions) -> int:
    """Let what the same signers have suspended stand again.

    Args:
        memorandum: The id of the memorandum.
        options: What every notice takes.

    Raises:
        LandbridgeError: as for `suspend`.
    """
    return _give(NoticeKind.RESUME, memorandum, options)


def terminate(memorandum: str, /, *, options: NoticeOptions) -> int:
    """End a memorandum, or clauses of it; it does not come back.

    It ends the clauses in which one of its signers is the provider or a requester.

    Args:
        memorandum: The id of the memorandum.
        options: What every notice takes.

    Raises:
        LandbridgeError: as for `suspend`.
    """
    return _give(NoticeKind.TERMINATE, memorandum, options)


def _give(kind: NoticeKind, name: str, options: NoticeOptions) -> int:
    party = PartyFolder.open(options.state)
    shelf = read_shelf(party.folder, party.bundle, at=system_clock())
    memorandum = _find(shelf, name, options.state)
    key = SigningKey.load(options.key or options.state / "keys" / f"{KeyUse.MEMORANDUM}.key")
    agency = options.agency or key.agency
    check_clauses(options.clause, memorandum, f"notice on {name}")
    given = [
        notice
        for notice in shelf.settled_of(memorandum).notices.get(memorandum.id, ())
        if agency in notice.signers
    ]
    begin = _begin(kind, given, options.from_)
    written = _draft(kind, memorandum, agency, begin, options)
    check_fits(written.taken(), memorandum)
    form = add_signature(SignedNotice(written.to_json()), written, key, agency)
    missing = unsigned(form, written)
    path = options.out or _path(options.state, written)
    if missing and options.out is None:
        raise refuse(
            Reason.USAGE,
            f"{', '.join(missing)} must sign it, too, before it counts",
            where="--signer",
            next_step="write it elsewhere with --out, and have them sign it with `memo sign`",
        )
    if options.out is not None and options.out.exists():
        raise is_there(options.out)
    write_whole(path, form.to_bytes(), mode=0o644)
    _say(written, path, missing, options.output)
    _talk_of_successors(shelf, memorandum, written)
    if not options.from_:
        # Whoever gives the next notice gives it after this one has begun.
        time.sleep(max(0, begin - system_clock()) / _SECOND_MS)
    if options.send and not missing:
        return asyncio.run(_send(form.to_bytes(), options.home, agency))
    return _COMPLETE


def _find(shelf: Shelf, name: str, state: Path) -> Memorandum:
    known = {memorandum.id: memorandum for memorandum in shelf.memoranda}
    if name not in known:
        near = did_you_mean(name, known)
        raise refuse(
            Reason.USAGE,
            f"no memorandum {name!r} that all its parties signed is here{near}",
            where=str(state / Kind.MEMORANDUM.folder),
            next_step=f"name one of: {', '.join(known) or 'nothing'}",
        )
    return known[name]


def _draft(
    kind: NoticeKind,
    memorandum: Memorandum,
    agency: str,
    begin: int,
    options: NoticeOptions,
) -> WrittenNotice:
    fields: dict[str, Any] = {
        "notice": kind,
        "memorandum": memorandum.id,
        "digest": memorandum.digest,
        "from": format_instant(begin),
        "reason": options.reason,
        "clauses": list(dict.fromkeys(options.clause)),
        "signers": list(dict.fromkeys((agency, *options.signer))),
    }
    return WrittenNotice.draft(fields)


def _begin(kind: NoticeKind, given: Sequence[Notice], written: str) -> int:
    """Return from when a notice holds, Unix milliseconds; without a time, at once.

    Notices are to the second, and of two of one instant the one that stops counts: one that resumes
    begins with the next second, so that it neither reaches back nor meets a stop.

    Raises:
        LandbridgeError: LB-4104 when it resumes at an instant at which another stops.
    """
    now = system_clock() // _SECOND_MS * _SECOND_MS
    if kind is not NoticeKind.RESUME:
        return read_moment(written, "--from") if written else now
    stops = {notice.from_ms for notice in given if notice.kind is not NoticeKind.RESUME}
    if not written:
        return next(begin for begin in count(now + _SECOND_MS, _SECOND_MS) if begin not in stops)
    begin = read_moment(written, "--from")
    if begin in stops:
        raise refuse(
            Reason.MALFORMED_NOTICE,
            "a notice that stops it holds from the same instant, and counts",
            where="--from",
            next_step="resume from a later instant",
        )
    return begin


def _path(state: Path, written: WrittenNotice) -> Path:
    name = file_name(Kind.NOTICE, written.memorandum, digest_of(written.to_json()))
    return state / Kind.NOTICE.folder / name


def _say(written: WrittenNotice, path: Path, missing: list[str], output: Output) -> None:
    if output is not Output.TABLE:
        said = {"notice": written.notice, "memorandum": written.memorandum, "from": written.from_}
        clauses, signers = list(written.clauses), list(written.signers)
        print_json(
            {**said, "clauses": clauses, "signers": signers, "missing": missing, "file": str(path)},
            output,
        )
        return
    on = f"clause {', '.join(written.clauses)} of " if written.clauses else ""
    who = " and ".join(written.signers)
    print_unbroken(
        f"{who} {_VERBS[written.notice]} {on}{written.memorandum} from {written.from_}: {path}"
    )
    if missing:
        print_unbroken(f"still to sign: {', '.join(missing)}")


def _talk_of_successors(shelf: Shelf, memorandum: Memorandum, written: WrittenNotice) -> None:
    """Say what a notice is not on: a notice is on one text alone."""
    offered = [offer.memorandum for offer in shelf.offers]
    for other in (*shelf.memoranda, *offered):
        if other.amends == memorandum.id:
            talk(
                f"note: {other.id}, which takes its place at {other.valid.from_}, is another text: "
                f"to {written.notice} it, too, give notice on it"
            )


async def _send(document: bytes, home: Path | None, agency: str) -> int:
    line = DocumentLine(Home.read(find_home(home)), agency)
    try:
        (outcome,) = await line.offer([document])
    finally:
        await line.close()
    if outcome.error is not None:
        raise outcome.error
    talk("the gateway has it, and passes it on")
    return _COMPLETE
