"""`landbridge memo amend`: the draft of a successor, with which the parties then work."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

from landbridge.commands.memo.form_file import is_there, print_unbroken
from landbridge.commands.memo.memo_file import open_memorandum, talk_of_validity
from landbridge.commands.moment import write_instant
from landbridge.commands.output import Output, OutputOption, print_json
from landbridge.errors import Reason, refuse
from landbridge.keys import write_whole
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import settle
from landbridge.memorandum.words import read_instant

_COMPLETE: Final = 0
_WIDTH: Final = 100
_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")


def amend(  # noqa: PLR0913  options of a command
    file: Path,
    /,
    *,
    id: str,  # noqa: A002  the option's name
    from_: str,
    until: str = "",
    out: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Write the draft of a memorandum that steps into another's place: the same, but for its time.

    Edit what it writes; comments of the old one are not taken over. Clauses that have ended before
    it begins are left out.

    Args:
        file: The memorandum that is to be amended: as people write it (YAML), or its signed form.
        id: The id of the new one.
        from_: When it steps into the old one's place, such as 2026-05-01 or 2026-05-01T12:00:00Z.
        until: When it ends; without it, when the old one would have.
        out: Where to write it; without it, beside the old one, or in the folder drafts/ beside that
            of the memoranda.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4101 for a malformed memorandum, or when what is written would be one;
            LB-4103 when it would not follow the old one; LB-1106 when the file is there already.
    """
    opened = open_memorandum(file)
    old = opened.memorandum
    if not _ID.fullmatch(id):
        raise refuse(
            Reason.USAGE,
            f"{id[:100]!r} is not the id of a memorandum",
            where="--id",
            next_step="write it in lower-case letters, digits, '.' and '-', such as ed-2026-02",
        )
    target = out or _drafts(file) / f"{id}.yaml"
    if target.exists():
        raise is_there(target)
    start = write_instant(from_, "--from")
    end = write_instant(until, "--until") if until else old.valid.until
    document = _successor(old, id, start, end)
    text = _write(document, old)
    target.parent.mkdir(exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    try:
        write_whole(draft, text.encode(), mode=0o644)
        new = Memorandum.from_yaml(draft)
    finally:
        draft.unlink(missing_ok=True)
    if (why := settle([old, new]).refused.get(new.id)) is not None:
        raise refuse(
            Reason.NOT_A_SUCCESSOR,
            why,
            where="--from",
            next_step=f"begin within the time of {old.id}, which ends at {old.valid.until}",
        )
    write_whole(target, text.encode(), mode=0o644)
    if output is Output.TABLE:
        print_unbroken(f"{target}: draft of {new.id}, which takes the place of {old.id} at {start}")
        print_unbroken("edit it, then: landbridge memo diff, try, sign, send")
    else:
        said = {"memorandum": new.id, "amends": old.id, "from": start, "until": end}
        print_json({**said, "file": str(target)}, output)
    talk_of_validity(new)
    return _COMPLETE


def _drafts(file: Path) -> Path:
    """Return where a draft lies without passing for an agreement of the federation's folder."""
    folder = file.resolve().parent
    return folder.with_name("drafts") if folder.name == "memoranda" else file.parent


def _successor(old: Memorandum, name: str, start: str, end: str) -> dict[str, Any]:
    document = old.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    grants = [_clip(grant, start, end) for grant in document.pop("grants")]
    kept = [grant for grant in grants if grant is not None]
    if not kept:
        raise refuse(
            Reason.NOT_A_SUCCESSOR,
            f"every clause of {old.id} has ended before {start}",
            where="--from",
            next_step="begin earlier, or write a memorandum of its own",
        )
    document.update(memorandum=name, valid={"from": start, "until": end}, amends=old.id)
    return {**_in_order(document), "grants": kept}


def _clip(grant: dict[str, Any], start: str, end: str) -> dict[str, Any] | None:
    """Keep a clause's own time within the new one; None where nothing is left of it."""
    own = grant.get("valid")
    if own is None:
        return grant
    begins = max(own["from"], start, key=read_instant)
    ends = min(own["until"], end, key=read_instant)
    if read_instant(begins) >= read_instant(ends):
        return None
    return {**grant, "valid": {"from": begins, "until": ends}}


def _in_order(document: dict[str, Any]) -> dict[str, Any]:
    first = ("memorandum", "title", "amends")
    return {key: document[key] for key in first} | document


def _write(document: dict[str, Any], old: Memorandum) -> str:
    heading = (
        f"# Draft of a successor of {old.id}: until it is edited, the same but for its time.\n"
        f"# The text that it was written from: SHA-256 {old.digest}\n"
    )
    return heading + yaml.safe_dump(
        document, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=None
    )
