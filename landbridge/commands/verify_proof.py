"""`landbridge verify FILE` for the proof of one entry of a log (C2SP tlog-proof)."""

from pathlib import Path

from landbridge.clock import system_clock, to_iso
from landbridge.commands.log.checks import Checks
from landbridge.commands.log.cosigned_head import require_witnesses
from landbridge.commands.log.entry_times import check_times, time_of
from landbridge.commands.log.known_keys import find_keys
from landbridge.commands.output import Output
from landbridge.counted import counted
from landbridge.errors import Reason, refuse
from landbridge.log.note import parse_note
from landbridge.log.tlog_proof import read_tlog_proof


def verify_proof(
    data: bytes, *, bundle: Path | None = None, home: Path | None = None, output: Output
) -> int:
    """Verify the proof of one entry, offline: the entry, its path, the log's signature.

    Raises:
        LandbridgeError: LB-4008 when the proof is malformed, carries no entry or proves something
            else; LB-4001, LB-4002 for the log's signature; LB-1106 for unreadable files.
    """
    checks = Checks(output)
    now = system_clock()
    with checks.told() as found:
        proof = read_tlog_proof(data)
        head = proof.head()
        found |= {"origin": head.origin, "index": proof.index, "size": head.size}
        if proof.extra is None:
            raise refuse(
                Reason.BAD_LOG_EVIDENCE,
                "the proof does not carry the entry that it proves",
                next_step="have it written without --without-entry",
            )
        at = time_of(proof.extra, proof.index)
        check_times(proof.index, [proof.extra], now)
        keys = find_keys(bundle=bundle, home=home)
        proof.verify(proof.extra, keys.of_log(head.origin, at))
        checks.passed("head", f"{head.origin} signed its head over {counted(head.size, 'entry')}")
        checks.passed("entry", f"entry {proof.index}, of {to_iso(at)}, is in the log")
        seen = keys.witnesses(parse_note(proof.checkpoint), head.origin, now)
        named = require_witnesses(seen, 0)
        found["witnesses"] = seen.believed
        result = f"{named} cosigned the head" if named else "none has cosigned the head"
        checks.passed("witnesses", result, made=bool(named))
    return 0
