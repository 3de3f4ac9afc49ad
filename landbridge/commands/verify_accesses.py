"""`landbridge verify FILE` for what `landbridge subject accesses --save` wrote."""

from pathlib import Path

from landbridge.accesses_document import verify_accesses
from landbridge.commands.files import open_bundle
from landbridge.commands.log.checks import Checks
from landbridge.commands.output import Output
from landbridge.document import read_document
from landbridge.home import Home, find_home


def verify_accesses_file(
    data: bytes, *, bundle: Path | None = None, home: Path | None = None, output: Output
) -> int:
    """Verify who looked, offline: requests, disclosures, entries, and what is shown of them.

    Raises:
        LandbridgeError: LB-4xxx for the first thing that is wrong, LB-1106 for unreadable files.
    """
    document = read_document(data)
    trust = open_bundle(bundle or Home.read(find_home(home)).bundle)
    checks = Checks(output)
    with checks.told():
        verify_accesses(document, trust, passed=checks.passed)
    return 0
