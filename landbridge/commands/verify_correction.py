"""`landbridge verify FILE` for correction notices and their acknowledgements."""

from pathlib import Path

from landbridge.clock import system_clock, to_iso
from landbridge.commands.files import open_bundle
from landbridge.commands.log.checks import Checks
from landbridge.commands.output import Output
from landbridge.home import Home, find_home
from landbridge.rights.acknowledgement import verify_acknowledgement
from landbridge.rights.correction import verify_correction
from landbridge.trust.bundle import TrustBundle


def verify_correction_file(
    data: bytes, *, bundle: Path | None = None, home: Path | None = None, output: Output
) -> int:
    """Verify a correction notice, offline, and say which answers it calls wrong.

    Raises:
        LandbridgeError: LB-4107 malformed; LB-4001, LB-4002 for its signature; LB-1106 for
            unreadable files.
    """
    trust = _trust(bundle, home)
    checks = Checks(output)
    with checks.told() as found:
        notice = verify_correction(data, trust, system_clock())
        found |= {
            "correction": notice.id,
            "case": notice.case,
            "provider": notice.provider,
            "recipient": notice.recipient,
            "log": notice.log,
            "dataset": notice.dataset,
            "fields": list(notice.fields),
            "reason": notice.reason,
            "since": to_iso(notice.since),
            "answers": [{"entry": entry, "query": query} for entry, query in notice.answers],
        }
        signed = f"{notice.provider} signed it at {to_iso(notice.issued_at)} to {notice.recipient}"
        checks.passed("notice", signed)
        what = f"{notice.dataset}: {', '.join(notice.fields)} {notice.reason}"
        checks.passed("what", f"{what}, wrong since {to_iso(notice.since)}")
        entries = ", ".join(str(entry) for entry, _ in notice.answers)
        checks.passed("answers", f"entries {entries} of the log {notice.log}")
    return 0


def verify_acknowledgement_file(
    data: bytes, *, bundle: Path | None = None, home: Path | None = None, output: Output
) -> int:
    """Verify an acknowledgement, offline.

    Raises:
        LandbridgeError: as for `verify_correction_file`.
    """
    trust = _trust(bundle, home)
    checks = Checks(output)
    with checks.told() as found:
        receipt = verify_acknowledgement(data, trust, system_clock())
        found |= {
            "correction": receipt.correction,
            "digest": receipt.digest,
            "provider": receipt.provider,
            "recipient": receipt.recipient,
        }
        at = to_iso(receipt.acknowledged_at)
        checks.passed("receipt", f"{receipt.recipient} acknowledged {receipt.correction} at {at}")
    return 0


def _trust(bundle: Path | None, home: Path | None) -> TrustBundle:
    return open_bundle(bundle or Home.read(find_home(home)).bundle)
