"""`landbridge verify FILE` for a node's status list."""

from pathlib import Path

from landbridge.clock import system_clock, to_iso
from landbridge.commands.files import open_bundle
from landbridge.commands.log.checks import Checks
from landbridge.commands.output import Output
from landbridge.counted import counted
from landbridge.home import Home, find_home
from landbridge.rights.status_list import verify_status_list as read_verified


def verify_status_list(
    data: bytes, *, bundle: Path | None = None, home: Path | None = None, output: Output
) -> int:
    """Verify a status list, offline: its form, the log's signature, and whether it is fresh.

    Raises:
        LandbridgeError: LB-4204 when it is malformed, too old or of the future; LB-4001, LB-4002
            for the log's signature; LB-1106 for unreadable files.
    """
    trust = open_bundle(bundle or Home.read(find_home(home)).bundle)
    checks = Checks(output)
    with checks.told() as found:
        status = read_verified(data, trust)
        found |= {"origin": status.origin, "size": status.size, "superseded": status.superseded}
        checks.passed("list", f"{status.origin} signed it at {to_iso(status.issued_at)}")
        entries = counted(status.size, "entry")
        are = "is" if status.superseded == 1 else "are"
        told = f"{status.superseded} of {entries} {are} no longer good"
        checks.passed("entries", told)
        now = system_clock()
        if now < status.valid_until:
            status.check_fresh(now)
            checks.passed("time", f"what it calls good is good until {to_iso(status.valid_until)}")
        else:
            old = f"what it calls good was so until {to_iso(status.valid_until)}"
            checks.passed("time", old, made=False)
    return 0
