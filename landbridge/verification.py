"""Verifies a profile document offline: with the trust bundle alone, asking nobody.

    document = read_document(Path("profile.json").read_bytes())
    verify_profile(document, TrustBundle.parse(bundle, anchor), federation=federation)

The proofs stand in the document's `evidence`. What the document shows is derived from it anew, so
that a changed value is found even where the evidence was left alone.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from landbridge.agency import Role
from landbridge.answer import check_answer, check_binding
from landbridge.assembler import VerifiedAnswer, assemble
from landbridge.clock import to_iso
from landbridge.document import first_difference
from landbridge.envelope import (
    ANSWER_TYPE,
    PROFILE_TYPE,
    QUERY_TYPE,
    BatchVerifier,
    EvidenceVerifier,
    digest,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.keys import KeyUse
from landbridge.profile import SignedProfile, read_evidence, write_document
from landbridge.subject import SubjectId
from landbridge.trust import TrustBundle
from landbridge.v1 import envelope_pb2, log_pb2, query_pb2

_COMPARED: Final = ("answers", "sources", "links", "comparisons", "completeness")
_ANSWERED: Final = frozenset({Reason.ANSWERED, Reason.NO_RECORD})


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
    4. Each answer stands in its agency's log, under a signed head, and answers this query. Whether
       its contents are such as the federation allows takes `federation`, too.
    5. Links, sources, comparisons and completeness follow from the answers. This takes the
       federation's own terms; without `federation` the gateway's signature must do.
    6. The document shows what was signed, and nothing else.

    Keys are held against the time at which the query and the profile say they were signed.

    Raises:
        LandbridgeError: LB-4001, 4002, 4008 (proofs), LB-4007 (answer to another question, or
            unfit), LB-4009 (answer holds more than one may), LB-4201 (what is shown or assembled is
            not what was signed; names the first place).
    """
    checks: list[Check] = []

    def note(name: str, text: str, *, made: bool = True) -> None:
        checks.append(Check(name, text, made))
        passed(checks[-1])

    # 1.
    signed = read_evidence(document)
    profile, query = signed.profile, signed.query
    subject = query.subject
    note("evidence", f"{len(profile.answers)} answers on {subject.scheme}:{subject.value}")
    # 2.
    logs = EvidenceVerifier(lambda origin: bundle.log_key(origin, profile.assembled_at_unix_ms))
    note("gateway", _verify_gateway(signed, logs, bundle))
    # 3.
    note("query", _verify_query(signed, bundle, asked))
    # 4.
    note("answers", _verify_answers(signed, logs, federation))
    # 5.
    if federation is None:
        note("assembly", "not recomputed: that takes the federation.toml", made=False)
    else:
        note("assembly", _recompute(signed, federation))
    # 6.
    note("document", _compare(signed, document))
    return VerifiedProfile(signed, tuple(checks))


def _verify_gateway(signed: SignedProfile, logs: EvidenceVerifier, bundle: TrustBundle) -> str:
    profile, query = signed.profile, signed.query
    with _at("gateway"):
        holder = logs.verify(signed.envelope, PROFILE_TYPE)
        entry = holder.entry
        name = holder.origin.rpartition("/")[2]
        if holder.role is not Role.GATEWAY or profile.gateway != f"{holder.agency}/{name}":
            raise refuse(
                Reason.BAD_SIGNATURE,
                f"the profile of the gateway {profile.gateway!r} is signed by {holder.origin}",
            )
        if profile.federation != bundle.federation:
            raise refuse(
                Reason.BAD_SIGNATURE, f"the profile is of the federation {profile.federation!r}"
            )
        if (
            entry.kind != log_pb2.ENTRY_KIND_PROFILE
            or entry.query_digest != digest(QUERY_TYPE, profile.query.payload)
            or entry.requester != query.requester
            or entry.purpose != query.purpose
            or entry.case_reference != query.case_reference
        ):
            raise refuse(Reason.BAD_LOG_EVIDENCE, "the gateway logged another query than it shows")
    at = to_iso(profile.assembled_at_unix_ms)
    return f"signed at {at} as entry {holder.index} of the log {holder.origin}"


def _verify_query(
    signed: SignedProfile, bundle: TrustBundle, asked: envelope_pb2.Envelope | None
) -> str:
    query = signed.query
    verifier = BatchVerifier(
        lambda key: bundle.verifying_key(key, KeyUse.QUERY, query.issued_at_unix_ms)
    )
    with _at("query"):
        signer = verifier.verify(signed.profile.query, QUERY_TYPE)
        if signer != query.requester:
            raise refuse(
                Reason.BAD_SIGNATURE, f"the query of {query.requester} is signed by {signer}"
            )
        if query.federation != bundle.federation:
            raise refuse(
                Reason.BAD_SIGNATURE, f"the query is for the federation {query.federation!r}"
            )
        if asked is not None and asked.payload != signed.profile.query.payload:
            raise refuse(Reason.MISMATCHED_ANSWER, "the profile answers another query")
    at = to_iso(query.issued_at_unix_ms)
    return f"signed by {signer} at {at} for {query.purpose}, case {query.case_reference}"


def _verify_answers(
    signed: SignedProfile, logs: EvidenceVerifier, federation: Federation | None
) -> str:
    profile = signed.profile
    query_digest = digest(QUERY_TYPE, profile.query.payload)
    seen: set[tuple[str, int, int]] = set()
    for number, (envelope, answer) in enumerate(
        zip(profile.answers, signed.answers, strict=True), start=1
    ):
        with _at(f"answer {number} ({answer.agency})"):
            holder = logs.verify(envelope, ANSWER_TYPE)
            if holder.role is not Role.NODE or holder.agency != answer.agency:
                raise refuse(
                    Reason.BAD_SIGNATURE,
                    f"the answer of {answer.agency} is signed by {holder.origin}",
                )
            check_binding(answer, holder, query_digest=query_digest, federation=profile.federation)
            if federation is not None:
                check_answer(answer, holder, query_digest=query_digest, federation=federation)
            step = (answer.agency, answer.step, answer.round)
            if step in seen:
                raise refuse(Reason.MISMATCHED_ANSWER, f"{answer.agency} answered this step before")
            seen.add(step)
    agencies = sorted({answer.agency for answer in signed.answers})
    return f"{len(seen)} of {len(seen)} signed and logged by {', '.join(agencies) or 'nobody'}"


def _recompute(signed: SignedProfile, federation: Federation) -> str:
    profile, subject = signed.profile, signed.query.subject
    given = {
        (answer.agency, dataset.dataset)
        for answer in signed.answers
        if answer.step == query_pb2.STEP_COLLECT
        for dataset in answer.datasets
    }
    absent = [s for s in profile.sources if (s.agency, s.dataset) not in given]
    with _at("assembly"):
        if any(Reason(source.outcome) in _ANSWERED or source.records for source in absent):
            raise refuse(Reason.PROFILE_ALTERED, "a source is said to have answered, and did not")
        again = assemble(
            query=profile.query,
            asked=SubjectId(subject.scheme, subject.value),
            gateway=profile.gateway,
            at=profile.assembled_at_unix_ms,
            answers=[
                VerifiedAnswer(envelope, answer)
                for envelope, answer in zip(profile.answers, signed.answers, strict=True)
            ],
            not_answered=absent,
            federation=federation,
        )
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


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Name the place in errors, and give malformed content a name of its own."""
    try:
        yield
    except LandbridgeError as error:
        raise refuse(
            error.reason, error.message, where=error.where or place, next_step=error.next_step
        ) from error
    except (ValueError, LookupError) as error:
        raise refuse(
            Reason.PROFILE_ALTERED, f"its parts do not fit each other: {error}", where=place
        ) from error
