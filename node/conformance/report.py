"""The report of a trial: what was tried and seen, signed so that others can hold it to account."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import rfc8785

from landbridge import __version__
from landbridge.clock import to_iso
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.memorandum.signed_form import SignedDocument, sign
from node.conformance.verdict import Outcome, Verdict

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Report:
    """Times are Unix milliseconds; `configuration` is the SHA-256 of node.toml, in hex."""

    agency: str
    federation: str
    configuration: str
    datasets: tuple[str, ...]
    untried: tuple[str, ...]
    """Datasets of which no subject was found."""
    started_at: int
    ended_at: int
    outcomes: tuple[Outcome, ...]

    @property
    def conforms(self) -> bool:
        """Whether nothing failed, and something passed."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        return Verdict.FAIL not in verdicts and Verdict.PASS in verdicts

    def document(self, *, throw_away: bool) -> dict[str, Any]:
        """Write the report; `throw_away` says that no key of the agency's signs it."""
        return {
            "conformance_report": VERSION,
            "agency": self.agency,
            "federation": self.federation,
            "software": f"landbridge {__version__}",
            "configuration_sha256": self.configuration,
            "datasets": list(self.datasets),
            "untried_datasets": list(self.untried),
            "started_at": to_iso(self.started_at),
            "ended_at": to_iso(self.ended_at),
            "conforms": self.conforms,
            "signed_with_a_throw_away_key": throw_away,
            "checks": [
                {
                    "check": outcome.name,
                    "about": outcome.about,
                    "verdict": str(outcome.verdict),
                    "seen": outcome.seen,
                }
                for outcome in self.outcomes
            ],
        }


class SignedReport(SignedDocument):
    """A report with its signature: JWS General JSON over its RFC 8785 writing."""

    reason: ClassVar[Reason] = Reason.USAGE
    name: ClassVar[str] = "a conformance report"


def sign_report(report: Report, key: SigningKey | None) -> SignedReport:
    """Sign a report with the agency's key for memoranda; without one, with a throw-away key.

    Raises:
        LandbridgeError: LB-4002 when the key is another agency's, or of another use.
    """
    if key is not None:
        check_key(key, report.agency)
    signer = key or SigningKey.generate(report.agency, KeyUse.MEMORANDUM)
    payload = rfc8785.dumps(report.document(throw_away=key is None))
    return SignedReport(payload).with_signature(sign(payload, signer))


def check_key(key: SigningKey, agency: str) -> None:
    """Check that a key may sign a report of an agency.

    Raises:
        LandbridgeError: LB-4002 when it may not.
    """
    if (key.agency, key.use) != (agency, KeyUse.MEMORANDUM):
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the key {key.key_id} is not a key of {agency} for memoranda",
            next_step=f"sign with the key {agency}/{KeyUse.MEMORANDUM}/..., or leave --key out",
        )
