"""Verifies a profile document offline: with the trust bundle alone, asking nobody.

    document = read_document(Path("profile.json").read_bytes())
    verify_profile(document, TrustBundle.parse(bundle, anchor), federation=federation)

The proofs stand in the document's `evidence`. What the document shows is derived from it anew, so
that a changed value is found even where the evidence was left alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from landbridge.counted import counted
from landbridge.document import first_difference
from landbridge.envelope import EvidenceVerifier
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.opened_profile import read_opened, reassemble, with_contents
from landbridge.profile import SignedProfile, read_evidence, write_document
from landbridge.profile_proofs import verify_answers, verify_gateway, verify_query
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2

_COMPARED: Final = ("answers", "sources", "links", "comparisons", "completeness")


@dataclass(frozen=True, slots=True)
class Check:
    """One step of a verification that held, or that could not be made for want of a file."""

    name: str
    text: str
    made: bool = True


@dataclass(frozen=True, slots=True)
class VerifiedProfile:
    """A profile whose every proof held, and what was checked."""

    signed: SignedProfile
    checks: tuple[Check, ...]


def verify_profile(
    document: Mapping[str, Any],
    bundle: TrustBundle,
    *,
    federation: Federation | None = None,
    asked: envelope_pb2.Envelope | None = None,
    passed: Callable[[Check], None] = lambda _: None,
) -> VerifiedProfile:
    """Verify a profile document. `passed` is told of each check as soon as it is made.

    1. Decode the evidence: the exact envelope that the gateway signed.
    2. The gateway's log holds the profile, and its signed head proves it.
    3. The query is signed by its requester, is the one that the gateway logged, and is the one that
       was `asked`, where the asker itself verifies.
    4. Each answer stands in its agency's log, under a signed head, answers this query, and is among
       those that the gateway logged. Whether its contents are such as the federation allows takes
       `federation`, too.
    5. Links, sources, comparisons and completeness follow from the answers. This takes the
       federation's own terms; without `federation` the gateway's signature must do.
    6. What the document opens of sealed answers is what their nodes signed, and all is assembled
       from it anew. This takes no key, and `federation`.
    7. The document shows what was signed, and nothing else.

    Each key is held against the time at which its own log, or its query, says that it signed; and
    these times must fit each other. So what was signed before a key was replaced, or its agency
    suspended, still holds, and what was signed after its taint does not.

    Raises:
        LandbridgeError: LB-4001, 4002, 4008 (proofs), LB-4007 (answer to another question, or
            unfit), LB-4009 (answer holds more than one may), LB-4201 (what is shown or assembled is
            not what was signed; names the first place), LB-4202 (opened contents are others than
            those that were sealed), LB-1106 (opened contents without `federation`).
    """
    checks: list[Check] = []

    def note(name: str, text: str, *, made: bool = True) -> None:
        checks.append(Check(name, text, made))
        passed(checks[-1])

    # 1.
    signed = read_evidence(document)
    profile, query = signed.profile, signed.query
    subject = query.subject
    note(
        "evidence", f"{counted(len(profile.answers), 'answer')} on {subject.scheme}:{subject.value}"
    )
    # 2.
    logs = EvidenceVerifier(bundle.log_keys)
    note("gateway", verify_gateway(signed, logs, bundle))
    # 3.
    note("query", verify_query(signed, bundle, asked))
    # 4.
    note("answers", verify_answers(signed, logs, federation))
    # 5.
    if federation is None:
        note("assembly", "not recomputed: that takes the federation.toml", made=False)
    else:
        note("assembly", _recompute(signed, federation))
    # 6.
    contents = read_opened(document)
    if contents is not None:
        if federation is None:
            raise refuse(
                Reason.USAGE,
                "a profile with opened answers is verified by the federation.toml alone",
                where="opened",
                next_step="give it with --federation",
            )
        sealed = sum(answer.HasField("sealed") for answer in signed.answers)
        signed = with_contents(signed, contents, federation)
        answers = counted(sealed, "sealed answer")
        note("opened", f"{len(contents)} of {answers}, as their agencies signed them")
    # 7.
    note("document", _compare(signed, document))
    return VerifiedProfile(signed, tuple(checks))


def _recompute(signed: SignedProfile, federation: Federation) -> str:
    again, profile = reassemble(signed, federation), signed.profile
    for part in _COMPARED:
        if getattr(again, part) != getattr(profile, part):
            raise refuse(
                Reason.PROFILE_ALTERED,
                f"the {part} do not follow from the signed answers and this federation.toml",
                where=part,
            )
    return "links, sources and comparisons follow from the answers"


def _compare(signed: SignedProfile, document: Mapping[str, Any]) -> str:
    derived = write_document(signed)
    # The evidence is what the rest is derived from: its own writing proves nothing more.
    derived["evidence"] = document["evidence"]
    place = first_difference(derived, document)
    if place is not None:
        raise refuse(
            Reason.PROFILE_ALTERED,
            f"the document shows something else at {place} than was signed",
            where=place,
        )
    return "shows exactly what was signed"
