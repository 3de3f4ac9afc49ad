"""Verifies kept profiles, after the clock has stopped: a fast wrong answer fails the bench."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records import TERMS
from landbridge.agency import Role
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.party import PartyFolder
from landbridge.profile import SignedProfile, read_profile, write_document
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2
from landbridge.verification import verify_profile


@dataclass(slots=True)
class ProfileCheck:
    """Verifies profiles as a reader outside would, and counts them."""

    bundle: TrustBundle
    federation: Federation
    nodes: int
    resolving: int = 0
    """Answers in each profile that only tell the subject's other identifiers."""
    verified: int = 0

    def check(self, envelopes: Sequence[envelope_pb2.Envelope]) -> None:
        """Verify each profile offline, and that every node gave its record.

        Raises:
            LandbridgeError: what did not verify; LB-2004 for a profile that is not whole.
        """
        for envelope in envelopes:
            signed = read_profile(envelope)
            verify_profile(write_document(signed), self.bundle, federation=self.federation)
            self._check_whole(signed)
            self.verified += 1

    def _check_whole(self, signed: SignedProfile) -> None:
        profile = signed.profile
        for source in profile.sources:
            if source.outcome != Reason.ANSWERED.value or source.records != 1:
                raise refuse(
                    Reason.SOURCE_FAILED,
                    f"{source.agency} gave {source.records} records:"
                    f" {Reason(source.outcome).code} {source.detail}",
                    where=f"{signed.query.subject.scheme}:{signed.query.subject.value}",
                )
        counts = (len(profile.sources), profile.completeness.answered, len(signed.answers))
        if counts != (self.nodes, self.nodes, self.nodes + self.resolving):
            raise refuse(
                Reason.SOURCE_FAILED,
                f"of {self.nodes} nodes the profile shows {counts[0]}, with {counts[2]} answers",
            )
        compared = sorted(comparison.term for comparison in profile.comparisons)
        if self.nodes > 1 and compared != sorted(TERMS):
            raise refuse(Reason.SOURCE_FAILED, f"the profile compares {compared}")


def profile_check(sandbox: Sandbox) -> ProfileCheck:
    """Make the check of a sandbox's profiles, from what a requester holds."""
    party = PartyFolder.open(sandbox.state(sandbox.requesters[0], Role.REQUESTER))
    return ProfileCheck(party.bundle, sandbox.federation, len(sandbox.providers))


def sizes(envelope: envelope_pb2.Envelope) -> dict[str, int]:
    """Return what a profile weighs in bytes, and one of its answers with and without proof."""
    signed = read_profile(envelope)
    first = signed.profile.answers[0]
    return {
        "profile_bytes": envelope.ByteSize(),
        "signed_answer_bytes": first.ByteSize(),
        "answer_bytes": len(first.payload),
    }
