"""`landbridge log verify LOG`: a log proven from its first entry to its head."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.clock import system_clock, to_iso
from landbridge.commands.files import read_named
from landbridge.commands.log.checks import Checks
from landbridge.commands.log.cosigned_head import cosigned_head, joined, require_witnesses
from landbridge.commands.log.entry_times import check_times, time_of_head
from landbridge.commands.log.known_keys import KnownKeys, find_keys
from landbridge.commands.output import Output, OutputOption
from landbridge.counted import counted
from landbridge.log.note import parse_note
from landbridge.log.reading import LogReader, open_reader
from landbridge.log.whole_log import VerifiedLog, verify_log

_SHOWN: Final = 16


def verify(  # noqa: PLR0913  one for each option
    log: Path,
    /,
    *,
    bundle: Path | None = None,
    key: str = "",
    since: Annotated[list[Path] | None, Parameter(negative=())] = None,
    witnesses: int = 0,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Verify a log, or its published tiles: signature, every entry, every tile, earlier heads.

    Args:
        log: A log.sqlite, a party's folder, or a folder of published tiles.
        bundle: The federation's trust bundle; without it, the one beside the log or that of the
            home folder.
        key: A verifier key (C2SP signed-note) instead of a bundle, for a log of anybody.
        since: A checkpoint of this log that was kept earlier: the log must continue it. Repeat it
            for several.
        witnesses: How many other members must have cosigned its head, or one of those kept.
        home: The home folder, where it is not .landbridge here or above.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4xxx for a signature, LB-5002 for an entry or tile that does not fit,
            LB-4302 for a fork, LB-5003 when it is smaller than it was, LB-1106 for unreadable
            files.
    """
    earlier = [read_named(path, "checkpoint") for path in since or ()]
    now = system_clock()
    checks = Checks(output)
    with open_reader(log) as reader, checks.told(origin=reader.origin, size=reader.size) as found:
        keys = find_keys(log, bundle=bundle, key=key, home=home)
        witnessed = cosigned_head(log, reader, witnesses)
        verified = _verify(reader, keys, [*earlier, witnessed], now, checks, ours=not key)
        found["root"] = verified.head.root.hex()
        _tell_earlier(verified.continued[:-1], checks)
        seen = joined(
            keys.witnesses(parse_note(head), reader.origin, now) for head in (*earlier, witnessed)
        )
        named = require_witnesses(seen, witnesses)
        found["witnesses"] = seen.believed
        result = f"{named} cosigned" if named else "none has cosigned a head of it"
        checks.passed("witnesses", result, made=bool(named))
    return 0


def _verify(  # noqa: PLR0913  all that the check depends on
    reader: LogReader,
    keys: KnownKeys,
    earlier: list[bytes],
    now: int,
    checks: Checks,
    *,
    ours: bool,
) -> VerifiedLog:
    at = time_of_head(reader, now) if ours else now

    def look(start: int, page: list[bytes]) -> None:
        if ours:
            check_times(start, page, now)

    verified = verify_log(
        reader,
        keys.of_log(reader.origin, at),
        earlier,
        former=keys.ever_of_log(reader.origin),
        look=look,
    )
    head = verified.head
    entries = counted(head.size, "entry")
    checks.passed("head", f"{head.origin} signed its head over {entries}")
    if reader.has_entries:
        hash_ = "hashes" if head.size == 1 else "hash"
        newest = f", the newest of {to_iso(at)}" if ours and head.size else ""
        checks.passed("entries", f"{entries} {hash_} to what is signed{newest}")
    else:
        checks.passed("entries", "only their hashes are published", made=False)
    checks.passed("tiles", f"every tile leads to the root {head.root.hex()[:_SHOWN]}...")
    if verified.handovers:
        checks.passed(
            "keys", f"the key changed {counted(verified.handovers, 'time')}, each time signed"
        )
    return verified


def _tell_earlier(continued: tuple[object, ...], checks: Checks) -> None:
    if continued:
        heads = "head that was" if len(continued) == 1 else f"{len(continued)} heads that were"
        checks.passed("since", f"continues the {heads} kept earlier")
