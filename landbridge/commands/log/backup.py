"""`landbridge log backup` and `landbridge log restore`: copies of a party's log."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from landbridge.commands.log.servers import heads_seen
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import plain
from landbridge.counted import counted
from landbridge.errors import LandbridgeError
from landbridge.log.backup import back_up, replaced_files
from landbridge.log.backup import restore as put_back
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.signed_head import read_signed_head
from landbridge.party import PartyFolder


def backup(
    *,
    state: Path,
    to: Path,
    keys: Annotated[bool, Parameter(negative="--without-keys")] = True,
    output: OutputOption = Output.TABLE,
) -> int:
    """Copy a party's log to a new file, while its process writes on.

    With the subjects' keys, the copy has to be kept as safe as the log itself, and no longer than
    a subject may wait for an erasure. Without them it proves every entry and names nobody.

    Args:
        state: The party's folder.
        to: The file to write; it must not be there.
        keys: Copy the keys of the subjects too.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when there is no log, it lies in PostgreSQL, or the file is there;
            LB-5001 when the disk refuses; LB-5002 when the log is damaged.
    """
    head = back_up(state, to, with_keys=keys)
    _tell("copied", head, to, output)
    if not keys:
        talk("without the subjects' keys: nobody can be found in this copy")
    return 0


def restore(copy: Path, /, *, state: Path, output: OutputOption = Output.TABLE) -> int:
    """Put a copy of a log back into its party's folder; stop the party's process first.

    The copy is verified entry by entry. It is refused where a newer head of the log is known: to
    the folder (log.head, witness.sqlite), or to the gateway and the nodes, which are asked. What
    was there is kept beside it.

    Args:
        copy: What `landbridge log backup` wrote.
        state: The party's folder.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-5003 when a newer head is known; LB-5002 when the copy is damaged or of
            another log; LB-5001 when the disk refuses; LB-1106 when there is no copy.
    """
    party = PartyFolder.open(state)
    head = put_back(state, copy, party.open_copy, partial(_seen_by_others, party))
    _tell("restored", head, state, output)
    for path in replaced_files(state):
        talk(f"put aside: {path}; it holds subjects' keys: remove it once nobody needs it")
    return 0


def _seen_by_others(party: PartyFolder, origin: str) -> list[bytes]:
    """Ask the witnesses; one that is away, or shows what this log has not signed, stops nothing."""
    try:
        heads, away = asyncio.run(heads_seen(party, origin))
    except LandbridgeError as error:
        talk(f"the witnesses were not asked: {error}")
        return []
    for witness in away:
        talk(f"{witness} is away: what it has seen is not known")
    found: list[bytes] = []
    for data in heads:
        try:
            head = read_signed_head(data, party.bundle.past_log_keys)
        except LandbridgeError as error:
            talk(f"what a witness shows does not count: {error}")
        else:
            found += [head.data()] if head.origin == origin else []
    return found


def _tell(done: str, head: Checkpoint, where: Path, output: Output) -> None:
    if output is Output.TABLE:
        line = f"{head.origin}: {counted(head.size, 'entry')} {done}, to {where}"
        data_console().print(plain(line), soft_wrap=True)
    else:
        root = head.root.hex()
        print_json(
            {"origin": head.origin, "size": head.size, "root": root, "to": str(where)}, output
        )
