"""`landbridge verify FILE`: proves offline that a saved file is what its parties signed.

What the file is, it says itself. A profile is verified here; each other kind by a module of its
own, which is loaded when it is needed.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.log.checks import Checks
from landbridge.commands.output import Output, OutputOption
from landbridge.commands.verify_kind import VERIFIERS, kind_of
from landbridge.document import read_document
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.verification import verify_profile


def verify(
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    bundle: Path | None = None,
    federation: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Verify a saved file, offline: every signature, every log proof, every shown value.

    Args:
        file: A profile, a case, a list of who looked, a correction notice or its acknowledgement,
            a status list, or the proof of a log entry, as it was saved; or - for stdin.
        bundle: The federation's trust bundle; without it, that of the home folder.
        federation: The federation.toml by which a profile's comparisons are recomputed; without
            it, and with --bundle, that one step is left out and said to be.
        home: The home folder, where it is not .landbridge here or above.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4xxx for the first thing that is wrong, LB-1106 for unreadable files.
    """
    data = sys.stdin.buffer.read() if file == "-" else read_named(Path(file), "file")
    kind = kind_of(data)
    if kind in VERIFIERS:
        module, _, function = VERIFIERS[kind].partition(":")
        check = getattr(import_module(f"landbridge.commands.{module}"), function)
        code: int = check(data, bundle=bundle, home=home, output=output)
        return code
    if bundle is None:
        found = Home.read(find_home(home))
        bundle, federation = found.bundle, federation or found.federation
    terms = Federation.load(federation) if federation else None
    checks = Checks(output)
    with checks.told():
        verify_profile(
            read_document(data),
            open_bundle(bundle),
            federation=terms,
            passed=lambda check: checks.passed(check.name, check.text, made=check.made),
        )
    return 0
