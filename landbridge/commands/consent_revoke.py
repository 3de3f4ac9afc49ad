"""`landbridge consent revoke`: ends a consent, by the person or by the desk that vouched for it."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from landbridge.clock import to_iso
from landbridge.commands.consent_file import open_record, read_signer, read_time, tell
from landbridge.commands.output import Output, OutputOption, talk
from landbridge.consent.person_key import PersonKey
from landbridge.consent.revocation import read_noticed, revoke_as_desk, revoke_as_person
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import write_whole
from landbridge.library.changes import Logged
from landbridge.library.history import FOLDER, History
from landbridge.library.kinds import Kind

_COMPLETE: Final = 0
_PATIENCE_S: Final = 3.0
_POLL_S: Final = 0.05


def revoke(  # noqa: PLR0913  one parameter an option
    file: Path,
    /,
    *,
    key: Path | None = None,
    person_key: Path | None = None,
    state: Path | None = None,
    out: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Revoke a consent: no node that has noticed it answers by the consent any more.

    The revocation names the record and not the person.

    Args:
        file: The consent record (.jws.json).
        key: The key of the consent desk that vouched for it.
        person_key: The person's own private key, where the person signed it.
        state: The folder of a party, which notices the revocation by itself: this waits for it,
            and tells by which entry of the party's log it is in effect.
        out: The file to write; without it and --state, revocation-ID.jws.json here.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 for a file that is there already and holds something else; LB-4105
            for a malformed record; LB-4002 for a key that neither signed it nor vouched for it;
            LB-4011 for a key that others may read.
    """
    record = open_record(file).record
    signer = read_signer(key, person_key)
    now = read_time("", "")
    if isinstance(signer, PersonKey):
        signed = revoke_as_person(record, signer, revoked_at=now)
    else:
        signed = revoke_as_desk(record, signer, revoked_at=now)
    record_id = record.consent_record.record_id
    name = f"revocation-{record_id}.jws.json"
    targets = [] if state is None else [state / Kind.REVOCATION.folder / name]
    if out is not None or state is None:
        targets.append(out or Path(name))
    for target in targets:
        _check_free(target, record_id)
    for target in targets:
        # It names no person, and a second one on the same consent says the same.
        write_whole(target, signed.to_bytes(), mode=0o644)
    noticed = _wait(state, record_id) if state else None
    agencies = list(dict.fromkeys(record.agencies))
    document = {
        "record_id": record_id,
        "files": [str(each) for each in targets],
        "agencies": agencies,
        "noticed_at": to_iso(noticed.at) if noticed else None,
        "log_entry": noticed.entry if noticed else None,
    }
    lines = [f"{record_id} is revoked: {', '.join(map(str, targets))}"]
    if noticed:
        lines.append(f"in effect there since {to_iso(noticed.at)}, by log entry {noticed.entry}")
    tell(document, output, *lines)
    if state and not noticed:
        talk(f"note: no process has noticed it in {state} yet; until one does, it has no effect")
    talk(f"next: `landbridge memo send FILE` takes it to {', '.join(agencies)}")
    return _COMPLETE


def _check_free(target: Path, record_id: str) -> None:
    """Check that nothing would be lost: what is there already may be a key, or the record itself.

    Raises:
        LandbridgeError: LB-1106 when anything but a revocation of the same consent is there.
    """
    if not target.exists():
        return
    with suppress(LandbridgeError):
        if read_noticed(target.read_bytes()).record_id == record_id:
            return
    raise refuse(
        Reason.USAGE,
        "the file is there already, and holds something else",
        where=str(target),
        next_step="name a new file with --out",
    )


def _wait(state: Path, record_id: str) -> Logged | None:
    """Wait until the party's process has noticed it; None where it does not within seconds."""
    # A party that has never run has nothing that could notice.
    deadline = time.monotonic() + (_PATIENCE_S if (state / FOLDER).exists() else 0)
    while not (found := _find(state, record_id)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return found


def _find(state: Path, record_id: str) -> Logged | None:
    counting = History(state).counting().items()
    return next(
        (
            logged
            for (kind, _), logged in counting
            if kind is Kind.REVOCATION and logged.change.subject == record_id
        ),
        None,
    )
