"""Which cases a desk or a subject has opened from here: their ids, so that nobody has to copy them.

They lie in the folder of the party over whose line they went, and name nobody.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from landbridge.errors import Reason, refuse
from landbridge.keys import write_whole
from landbridge.rights.steps import CaseKind

_FOLDER: Final = "opened-cases"
_ID: Final = re.compile(r"[0-9a-f]{32}")


def remember(folder: Path, told: dict[str, Any], kind: CaseKind) -> None:
    """Note a case that was opened; `told` holds its id as it was signed.

    Raises:
        LandbridgeError: LB-4008 for an id that is none: it would name another file.
    """
    if not _ID.fullmatch(told["case"]):
        raise refuse(Reason.BAD_LOG_EVIDENCE, "a case is named by 32 hexadecimal digits")
    noted = {"case": told["case"], "agency": told["agency"], "kind": kind.value}
    path = folder / _FOLDER / f"{told['case']}.json"
    # Only its convenience is lost where the folder cannot be written.
    with suppress(OSError):
        write_whole(path, json.dumps(noted).encode() + b"\n")


def find_opened(folder: Path, agency: str, kind: CaseKind, case_id: str) -> str:
    """Return the id of the one case of a kind at an agency that begins with a text.

    Raises:
        LandbridgeError: LB-4110 when none was opened from here, or more than one fits.
    """
    found = list(_noted(folder, agency, kind))
    fitting = [one for one in found if one.startswith(case_id)]
    if len(fitting) == 1:
        return fitting[0]
    if _ID.fullmatch(case_id):
        # It may have been opened elsewhere.
        return case_id
    raise refuse(
        Reason.CASE_CONFLICT,
        f"{len(fitting) or 'no'} {kind}s at {agency} were opened from here"
        + (f" that begin with {case_id[:40]!r}" if case_id else ""),
        next_step="name the case" + (f": {', '.join(fitting)}" if fitting else ""),
    )


def _noted(folder: Path, agency: str, kind: CaseKind) -> Iterator[str]:
    """Give the ids that were noted; a file that says something else is passed over."""
    for path in sorted((folder / _FOLDER).glob("*.json")):
        with suppress(OSError, ValueError, RecursionError):
            noted = json.loads(path.read_bytes())
            if (
                isinstance(noted, dict)
                and (noted.get("agency"), noted.get("kind")) == (agency, kind.value)
                and isinstance(noted.get("case"), str)
                and _ID.fullmatch(noted["case"])
            ):
                yield noted["case"]
