"""The proofs in a profile, each held against the trust bundle: gateway, query and answers."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from landbridge.agency import Role
from landbridge.answer import check_answer, check_binding, check_logged_at, check_wanted
from landbridge.clock import to_iso
from landbridge.envelope import (
    ANSWER_TYPE,
    PROFILE_TYPE,
    QUERY_TYPE,
    BatchVerifier,
    EvidenceVerifier,
    VerifiedEntry,
    digest,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.keys import KeyUse
from landbridge.log.checkpoint import stated
from landbridge.profile import SignedProfile
from landbridge.query import read_query
from landbridge.read_answer import read_answer
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2, log_pb2


def verify_gateway(signed: SignedProfile, logs: EvidenceVerifier, bundle: TrustBundle) -> str:
    """Verify that the gateway logged and signed this profile, for this query; return it in words.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4008.
    """
    profile, query = signed.profile, signed.query
    with at_place("gateway"):
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
        if entry.logged_at_unix_ms != profile.assembled_at_unix_ms:
            raise refuse(
                Reason.BAD_LOG_EVIDENCE, "the gateway logged another time than the profile shows"
            )
        check_logged_at(entry, query.issued_at_unix_ms, query.expires_at_unix_ms)
    at = to_iso(profile.assembled_at_unix_ms)
    return f"signed at {at} as entry {holder.index} of the log {holder.origin}"


def verify_query(
    signed: SignedProfile, bundle: TrustBundle, asked: envelope_pb2.Envelope | None
) -> str:
    """Verify that its requester signed the query, and that it is the one `asked`; say so in words.

    Raises:
        LandbridgeError: LB-4001, LB-4002; LB-4007 when another query was asked.
    """
    query = signed.query
    verifier = BatchVerifier(
        lambda key: bundle.verifying_key(key, KeyUse.QUERY, query.issued_at_unix_ms)
    )
    with at_place("query"):
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


def verify_answers(
    signed: SignedProfile, logs: EvidenceVerifier, federation: Federation | None
) -> str:
    """Verify that each answer stands in its agency's log and is to this query; say so in words.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4007, LB-4008; LB-4009 by the federation's terms.
    """
    profile = signed.profile
    query_digest = digest(QUERY_TYPE, profile.query.payload)
    with at_place("query"):
        query = read_query(profile.query.payload)
    seen: set[tuple[str, int, int]] = set()
    holders: list[VerifiedEntry] = []
    for number, (envelope, answer) in enumerate(
        zip(profile.answers, signed.answers, strict=True), start=1
    ):
        with at_place(f"answer {number} ({answer.agency})"):
            holder = logs.verify(envelope, ANSWER_TYPE)
            if holder.role is not Role.NODE or holder.agency != answer.agency:
                raise refuse(
                    Reason.BAD_SIGNATURE,
                    f"the answer of {answer.agency} is signed by {holder.origin}",
                )
            check_logged_at(
                holder.entry, signed.query.issued_at_unix_ms, profile.assembled_at_unix_ms
            )
            read = read_answer(envelope.payload)
            check_binding(read, holder, query_digest=query_digest, federation=profile.federation)
            if federation is not None:
                check_answer(read, holder, query_digest=query_digest, federation=federation)
            check_wanted(read, query)
            step = (answer.agency, answer.step, answer.round)
            if step in seen:
                raise refuse(Reason.MISMATCHED_ANSWER, f"{answer.agency} answered this step before")
            seen.add(step)
            holders.append(holder)
    with at_place("gateway"):
        _check_heard(signed.envelope.log.entry, holders)
    agencies = sorted({answer.agency for answer in signed.answers})
    return f"{len(seen)} of {len(seen)} signed and logged by {', '.join(agencies) or 'nobody'}"


def _check_heard(logged: bytes, holders: Iterable[VerifiedEntry]) -> None:
    """Check that the gateway logged of each node's log what it shows; earlier ones logged none."""
    heard = log_pb2.LogEntry.FromString(logged).heard
    # Of two keys that signed a head, one may be tainted by now: what they signed is compared.
    said = Counter((one.origin, one.index, one.leaf_hash, _said(one.checkpoint)) for one in heard)
    shown = Counter(
        (holder.origin, holder.index, holder.leaf_hash, (holder.head.size, holder.head.root))
        for holder in holders
    )
    if heard and said != shown:
        raise refuse(Reason.BAD_LOG_EVIDENCE, "the gateway logged other answers than it shows")


def _said(checkpoint: bytes) -> tuple[int, bytes]:
    head = stated(checkpoint)
    return (head.size, head.root) if head else (-1, b"")


@contextmanager
def at_place(place: str) -> Iterator[None]:
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
