"""`landbridge log search LOG --keys FILE`: the entries on a subject, for who was given its keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError

from landbridge.clock import to_iso
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import open_table, plain
from landbridge.counted import counted
from landbridge.errors import Reason
from landbridge.log.reading import open_reader
from landbridge.log.subject_search import read_key_file
from landbridge.log.subject_search import search as find_entries
from landbridge.log.tables import damaged
from landbridge.v1 import log_pb2

_KINDS: Final = {
    number: name.removeprefix("ENTRY_KIND_").lower() for name, number in log_pb2.EntryKind.items()
}


def search(log: Path, /, *, keys: Path, output: OutputOption = Output.TABLE) -> int:
    """Find the entries on a subject in a log, with the keys that the log's owner has given.

    The whole log is read and held against its head; who signed the head, `landbridge log verify`
    tells. Without the subject's keys nobody finds anything, nor once they are erased. Exits with 0,
    also where nothing is found.

    Args:
        log: A log.sqlite, a party's folder, or a folder of published tiles.
        keys: What `landbridge subject key` wrote, readable by its owner alone.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when there is no log, or the file holds no keys of it; LB-4011 when
            others may read the keys; LB-5001 when the log cannot be read; LB-5002 when it is
            damaged.
    """
    known = read_key_file(keys)
    with open_reader(log) as reader:
        found = _entries(find_entries(reader, known))
        if output is Output.NDJSON:
            for each in found:
                print_json(each, output)
            return 0
        listed = list(found)
        if output is Output.JSON:
            print_json({"origin": reader.origin, "size": reader.size, "entries": listed}, output)
        else:
            _show(listed)
        months = sum(len(subject.keys) for subject in known.subjects)
        entries = counted(reader.size, "entry")
        talk(f"{len(listed)} of {entries}, by {counted(months, 'key')}")
    return 0


def _entries(found: Iterator[tuple[int, bytes, str]]) -> Iterator[dict[str, Any]]:
    for index, data, subject in found:
        try:
            entry = log_pb2.LogEntry.FromString(data)
        except DecodeError:
            raise damaged(f"entry {index} is no log entry") from None
        yield {
            "entry": index,
            "at": to_iso(entry.logged_at_unix_ms),
            "kind": _KINDS.get(entry.kind, str(entry.kind)),
            "subject": subject,
            "requester": entry.requester,
            "purpose": entry.purpose,
            "case": entry.case_reference,
            "accesses": [
                {
                    "agency": access.agency,
                    "dataset": access.dataset,
                    "outcome": _outcome(access.outcome),
                    "memorandum": access.memorandum,
                    "clause": access.clause,
                    "released": list(access.released),
                    "refused": list(access.refused),
                }
                for access in entry.accesses
            ],
        }


def _outcome(number: int) -> str:
    try:
        return Reason(number).code
    except ValueError:
        return f"LB-{number:04d}"


def _show(entries: list[dict[str, Any]]) -> None:
    table = open_table("ENTRY", "WHEN", "KIND", "SUBJECT", "REQUESTER", "PURPOSE", "CASE", "READ")
    for entry in entries:
        read = "; ".join(
            f"{access['dataset']}: {', '.join(access['released']) or access['outcome']}"
            for access in entry["accesses"]
        )
        cells = (str(entry["entry"]), entry["at"], entry["kind"], entry["subject"])
        more = (entry["requester"], entry["purpose"], entry["case"], read)
        table.add_row(*map(plain, (*cells, *more)))
    data_console().print(table)
