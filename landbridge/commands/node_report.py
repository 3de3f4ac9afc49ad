"""`landbridge node report FILE`: verifies the report of a conformance trial, and shows it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.output import (
    Output,
    OutputOption,
    data_console,
    print_json,
    talk,
    visible,
)
from landbridge.document import read_document
from landbridge.errors import Reason, refuse
from landbridge.home import Home, find_home
from landbridge.keys import KeyUse
from landbridge.trust.document import unix_ms
from node.conformance.report import SignedReport


def report(
    file: Path, /, *, bundle: Path | None = None, output: OutputOption = Output.TABLE
) -> int:
    """Verify a conformance report by the trust bundle, and show what was tried and seen.

    Exits with 0 when the node conforms, with 1 when it does not.

    Args:
        file: A report that `landbridge node conform --out FILE` wrote.
        bundle: The federation's trust bundle; without it, that of the home folder.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 for a file that is no report; LB-4001 for a changed one; LB-4002
            for one that no key of its agency signed, such as a throw-away key's.
    """
    signed = SignedReport.parse(read_named(file, "conformance report"))
    content = read_document(signed.payload)
    trusted = open_bundle(bundle or Home.read(find_home()).bundle)
    at = _ended_at(content, file)
    signers = signed.verify_signers(
        lambda key_id: trusted.verifying_key(key_id, KeyUse.MEMORANDUM, at)
    )
    if signers != (content.get("agency"),):
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the report of {str(content.get('agency'))[:100]!r} is signed by {', '.join(signers)}",
            where=str(file),
        )
    if output is Output.TABLE:
        for check in content["checks"]:
            line = f"[{check['verdict']}] {check['check']}: {check['seen']}"
            data_console().print(visible(line), markup=False, soft_wrap=True)
    else:
        print_json(json.loads(signed.payload), output)
    conforms = content["conforms"] is True
    talk(f"signed by {signers[0]} for its trial that ended at {content['ended_at']}")
    talk("the node conforms" if conforms else "the node does not conform")
    return 0 if conforms else 1


def _ended_at(content: dict[str, Any], file: Path) -> int:
    """Read when the trial ended: by then the key is judged."""
    try:
        return unix_ms(datetime.fromisoformat(content["ended_at"]))
    except (KeyError, TypeError, ValueError):
        raise refuse(
            Reason.USAGE,
            "the document is not a conformance report",
            where=str(file),
            next_step="name a file that `landbridge node conform --out FILE` wrote",
        ) from None
