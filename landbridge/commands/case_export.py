"""`landbridge dispute export` and `repair export`: a case with its proofs as one file."""

import json
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.commands.case_fetch import Wanted, fetch
from landbridge.commands.consent_file import write_new
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import plain
from landbridge.counted import counted
from landbridge.rights.steps import CaseKind

_COMPLETE: Final = 0


def export_dispute(  # noqa: PLR0913  one parameter an option
    subject: str = "",
    /,
    *,
    case: str = "",
    at: str,
    to: Path,
    who: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    binding: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Write a dispute with its proofs as one file, which `landbridge verify` proves offline.

    Args:
        subject: Whom it is about; without it, the agency asks that holds the record.
        case: Its id, or how it begins; without it, the one that was opened from here.
        at: The agency that holds the record.
        to: The file to write; it names the subject, and only its owner may read it.
        who: The desk, the agency, or the party over whose line the request goes.
        key: The subject's own private key, or the agency's key for memoranda.
        binding: What `landbridge consent bind` wrote for the subject's key.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 for a file that is there already; LB-4110 when there is no such
            dispute; LB-4108 when it is another subject's.
    """
    return _export(Wanted(CaseKind.DISPUTE, case, subject, at, who, key, binding, home), to, output)


def export_repair(  # noqa: PLR0913
    subject: str = "",
    /,
    *,
    case: str = "",
    at: str,
    to: Path,
    who: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    binding: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Write a repair with its proofs as one file, which `landbridge verify` proves offline.

    Args:
        subject: Whom it is about; without it, the deciding agency asks.
        case: Its id, or how it begins; without it, the one that was opened from here.
        at: The agency that holds the record.
        to: The file to write; it names the subject, and only its owner may read it.
        who: The desk, the deciding agency, or the party over whose line the request goes.
        key: The subject's own private key, or the deciding agency's key for memoranda.
        binding: What `landbridge consent bind` wrote for the subject's key.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: as `landbridge dispute export`.
    """
    return _export(Wanted(CaseKind.REPAIR, case, subject, at, who, key, binding, home), to, output)


def _export(wanted: Wanted, to: Path, output: Output) -> int:
    document = fetch(wanted).document
    write_new(to, json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n")
    told = {
        "case": document["case"],
        "state": document["state"],
        "steps": len(document["steps"]),
        "file": str(to),
    }
    if output is Output.TABLE:
        steps = counted(len(document["steps"]), "step")
        line = f"case {told['case']} is {told['state']}, {steps}: {to}"
        data_console().print(plain(line))
    else:
        print_json(told, output)
    talk(f"next: landbridge verify {to}")
    return _COMPLETE
