"""`landbridge log prove LOG INDEX`: the proof of one entry as a file of its own."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from landbridge.commands.files import write_named
from landbridge.commands.log.cosigned_head import cosigned_head
from landbridge.commands.output import talk
from landbridge.counted import counted
from landbridge.errors import Reason, refuse
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.note import parse_note
from landbridge.log.publishing import load_tree
from landbridge.log.reading import LogReader, open_reader
from landbridge.log.tables import damaged
from landbridge.log.tlog_proof import TlogProof


def prove(
    log: Path,
    index: int,
    /,
    *,
    to: Path | None = None,
    entry: Annotated[bool, Parameter(negative="--without-entry")] = True,
    witnesses: int = 0,
) -> int:
    """Write the proof that a log holds an entry (C2SP tlog-proof); `landbridge verify` checks it.

    Args:
        log: A log.sqlite, a party's folder, or a folder of published tiles.
        index: Which entry, counted from 0.
        to: The file to write, by custom with the ending .tlog-proof; without it, stdout.
        entry: Let the entry itself travel along as extra data.
        witnesses: Lead the proof to a head that so many other members have cosigned.

    Raises:
        LandbridgeError: LB-1106 when there is no log or no such entry, LB-5001 when it cannot be
            read or written, LB-5002 when it is damaged.
    """
    with open_reader(log) as reader:
        if not 0 <= index < reader.size:
            raise refuse(
                Reason.USAGE,
                f"the log has no entry {index}: it holds {reader.size}",
                where=str(log),
                next_step="count from 0",
            )
        checkpoint = cosigned_head(log, reader, witnesses, holding=index + 1)
        data = prove_entry(reader, index, checkpoint, with_entry=entry).write()
    if to is None:
        sys.stdout.write(data.decode())
    else:
        write_named(to, data, "proof")
        talk(f"{to}: {len(data)} bytes; check it with `landbridge verify {to}`")
    return 0


def prove_entry(
    reader: LogReader, index: int, checkpoint: bytes, *, with_entry: bool = True
) -> TlogProof:
    """Prove an entry in the log as one of its heads says it.

    Raises:
        LandbridgeError: LB-1106 when the head is over fewer entries; LB-5001 when the log cannot be
            read; LB-5002 when it does not lead to the head's root.
    """
    head = read_checkpoint(parse_note(checkpoint))
    if not index < head.size:
        raise refuse(
            Reason.USAGE,
            f"the newest head with so many witnesses is over {counted(head.size, 'entry')}",
            next_step="wait until it has been witnessed, or ask for fewer witnesses",
        )
    tree = load_tree(reader, head.size)
    if tree.frontier.root() != head.root:
        raise damaged("the tiles do not lead to the root of the signed head")
    path = tree.inclusion_path(index, head.size, reader.tile)
    extra = next(reader.entries(index, index + 1)) if with_entry and reader.has_entries else None
    return TlogProof(index, path, checkpoint, extra)
