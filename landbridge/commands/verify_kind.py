"""What a file is that somebody wants verified: by its first line, its format, or what it signs."""

import base64
import binascii
import json
from typing import Any, Final

from landbridge.document import read_document
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.tlog_proof import FIRST_LINE
from landbridge.memorandum.signed_form import refuse_repeated_keys
from landbridge.rights.status_list import HEADLINE

PROFILE: Final = "landbridge-profile"
VERIFIERS: Final = {
    "tlog-proof": "verify_proof:verify_proof",
    "status-list": "verify_status_list:verify_status_list",
    "landbridge-case": "verify_case:verify_case",
    "landbridge-accesses": "verify_accesses:verify_accesses_file",
    "correction": "verify_correction:verify_correction_file",
    "acknowledgement": "verify_correction:verify_acknowledgement_file",
}
"""By kind of file: the module of landbridge.commands, and the function of `(data, *, bundle, home,
output)` that verifies it and returns the exit code."""

_BY_FIRST_LINE: Final = {FIRST_LINE: "tlog-proof", HEADLINE: "status-list"}
_SIGNED: Final = ("correction", "acknowledgement")
_LONGEST_NAME: Final = 100


def kind_of(data: bytes) -> str:
    """Recognise a file; what is nothing else is taken for a profile.

    Raises:
        LandbridgeError: LB-1106 when it is no document, or one of an unknown format.
    """
    first = data[:_LONGEST_NAME].partition(b"\n")[0].decode("ascii", "replace")
    if first in _BY_FIRST_LINE:
        return _BY_FIRST_LINE[first]
    document = read_document(data)
    if document.keys() == {"payload", "signatures"}:
        return _signed_kind(document)
    named = document.get("format")
    name = named.get("name") if isinstance(named, dict) else None
    return name if isinstance(name, str) and name in VERIFIERS else PROFILE


def _signed_kind(document: dict[str, Any]) -> str:
    text = document["payload"]
    try:
        padded = text + "=" * (-len(text) % 4)
        payload = json.loads(
            base64.urlsafe_b64decode(padded), object_pairs_hook=refuse_repeated_keys
        )
        for name in _SIGNED:
            if name in payload:
                return name
    except (TypeError, ValueError, binascii.Error, RecursionError, LandbridgeError):
        pass
    raise refuse(
        Reason.USAGE,
        "the file is a signed document of another kind",
        next_step="verify memoranda with `landbridge memo verify`, consents with"
        " `landbridge consent verify`",
    )
