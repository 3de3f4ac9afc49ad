"""`landbridge verify FILE`: proves offline that a saved profile is what its gateway signed."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.output import Output, OutputOption, data_console, print_json, visible
from landbridge.document import read_document
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.verification import Check, verify_profile

_NAME_WIDTH = 10


def verify(
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    bundle: Path | None = None,
    federation: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Verify a saved profile, offline: every signature, every log proof, every shown value.

    Args:
        file: A file that `landbridge profile ... --save FILE` wrote, or - for stdin.
        bundle: The federation's trust bundle; without it, that of the home folder.
        federation: The federation.toml by which comparisons are recomputed; without it, and with
            --bundle, that one step is left out and said to be.
        home: The home folder, where it is not .landbridge here or above.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4xxx for the first thing that is wrong, LB-1106 for unreadable files.
    """
    data = sys.stdin.buffer.read() if file == "-" else read_named(Path(file), "profile")
    document = read_document(data)
    if bundle is None:
        found = Home.read(find_home(home))
        bundle, federation = found.bundle, federation or found.federation
    checks: list[dict[str, Any]] = []
    console = data_console()

    def passed(check: Check) -> None:
        checks.append({"check": check.name, "made": check.made, "result": check.text})
        if output is Output.TABLE:
            mark = "ok" if check.made else "--"
            line = f"[{mark}] {check.name:<{_NAME_WIDTH}} {visible(check.text)}"
            console.print(line, markup=False, soft_wrap=True)

    terms = Federation.load(federation) if federation else None
    try:
        verify_profile(document, open_bundle(bundle), federation=terms, passed=passed)
    except LandbridgeError as error:
        if output is not Output.TABLE:
            why = {"code": error.code, "message": error.message, "where": error.where}
            print_json({"verified": False, "checks": checks, **why}, output)
        raise
    if output is not Output.TABLE:
        print_json({"verified": True, "checks": checks}, output)
    return 0
