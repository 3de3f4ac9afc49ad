"""Envelopes whose proof is log evidence, as bytes: what nodes and gateways send."""

from typing import Final

from landbridge.log.evidence import Evidence
from landbridge.wire import number_part, part, text_part

# Tags of the Envelope, and of the LogEvidence in it.
_TYPE: Final = b"\x0a"
_PAYLOAD: Final = b"\x12"
_LOG: Final = b"\x22"
_ENTRY: Final = b"\x0a"
_INDEX: Final = b"\x10"
_STEP: Final = b"\x1a\x20"
"""Of the path, with the size of a SHA-256 hash."""
_CHECKPOINT: Final = b"\x22"


def write_evidenced(payload_type: str, payload: bytes, evidence: Evidence) -> bytes:
    """Write the Envelope of a payload, with the proof that the log holds its entry."""
    proof = (
        part(_ENTRY, evidence.entry)
        + number_part(_INDEX, evidence.index)
        + _STEP.join((b"", *evidence.path))
        + part(_CHECKPOINT, evidence.checkpoint)
    )
    return text_part(_TYPE, payload_type) + part(_PAYLOAD, payload) + part(_LOG, proof)
