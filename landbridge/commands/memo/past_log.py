"""Reading a party's own log for what was asked and answered: read-only, while its process runs.

1. The log's head must be signed by a key that the party's trust bundle lists for this log.
2. The entries must lead to that head.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from landbridge.errors import Reason, refuse
from landbridge.keys import read_public
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.merkle import leaf_hash, tree_root
from landbridge.log.note import NoteVerifier, check_note, parse_note
from landbridge.log.tables import check_format, damaged, read_entries, read_head
from landbridge.party import PartyFolder
from landbridge.policy.past_access import PastAccess
from landbridge.subject import SubjectKind
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import log_pb2, query_pb2

_PAGE: Final = 4096
_KINDS: Final = (log_pb2.ENTRY_KIND_ANSWER, log_pb2.ENTRY_KIND_PROFILE)


def read_past(state: Path) -> list[PastAccess]:
    """Read what the log of a node or gateway says of queries, in order.

    Raises:
        LandbridgeError: LB-1101 when the folder is no party's; LB-4001 and LB-4002 when no known
            key of the log signed it; LB-5001 when it cannot be read; LB-5002 when it is damaged.
    """
    bundle = PartyFolder.open(state).bundle
    path = state / "log.sqlite"
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            connection.execute("BEGIN")
            agency, entries = _read(connection, bundle)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise refuse(
            Reason.LOG_UNAVAILABLE, f"the log cannot be read: {error}", where=str(path)
        ) from error
    return [access for entry in entries for access in _accesses(entry, agency)]


def _read(connection: sqlite3.Connection, bundle: TrustBundle) -> tuple[str, list[bytes]]:
    """Return the agency whose log it is, and its entries, both proven."""
    check_format(connection)
    note = parse_note(read_head(connection))
    head = read_checkpoint(note)
    agency, verifiers = _keys(head.origin, bundle)
    check_note(note, verifiers)
    entries = [
        entry
        for start in range(0, head.size, _PAGE)
        for entry in read_entries(connection, start, min(start + _PAGE, head.size))
    ]
    if tree_root([leaf_hash(entry) for entry in entries]) != head.root:
        raise damaged("the entries are not those that the head was signed over")
    return agency, entries


def _keys(origin: str, bundle: TrustBundle) -> tuple[str, Iterable[NoteVerifier]]:
    for agency, member in bundle.content.members.items():
        listed = {record.key_id: record.public_key for record in member.keys}
        for log in member.logs:
            if log.origin == origin:
                known = [listed[key_id] for key_id in log.key_ids if key_id in listed]
                return agency, [NoteVerifier(origin, read_public(key)) for key in known]
    raise refuse(Reason.UNTRUSTED_KEY, f"the trust bundle lists no log {origin}")


def _accesses(entry: bytes, agency: str) -> Iterator[PastAccess]:
    try:
        read = log_pb2.LogEntry.FromString(entry)
    except DecodeError:
        raise damaged("an entry is no log entry of ours") from None
    if read.kind not in _KINDS:
        return
    for access in read.accesses:
        yield PastAccess(
            read.logged_at_unix_ms,
            read.query_digest,
            access.agency or agency,
            access.dataset,
            read.requester,
            read.purpose,
            SubjectKind.from_number(read.subject_kind),
            Reason(access.outcome),
            access.memorandum,
            access.clause,
            tuple(access.released),
            tuple(access.refused),
            access.records,
            resolving=read.step == query_pb2.STEP_RESOLVE,
            consented=bool(read.consents),
        )
