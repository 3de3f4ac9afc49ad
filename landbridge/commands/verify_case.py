"""`landbridge verify FILE` for a dispute or a repair with its proofs."""

from pathlib import Path

from landbridge.case_document import verify_case_document
from landbridge.commands.files import open_bundle
from landbridge.commands.log.checks import Checks
from landbridge.commands.output import Output
from landbridge.document import read_document
from landbridge.home import Home, find_home


def verify_case(
    data: bytes, *, bundle: Path | None = None, home: Path | None = None, output: Output
) -> int:
    """Verify a case, offline: every signature, every step, every entry of the log.

    Raises:
        LandbridgeError: LB-4xxx for the first thing that is wrong; LB-1106 for unreadable files.
    """
    checks = Checks(output)
    with checks.told():
        trust = open_bundle(bundle or Home.read(find_home(home)).bundle)
        verify_case_document(read_document(data), trust, passed=checks.passed)
    return 0
