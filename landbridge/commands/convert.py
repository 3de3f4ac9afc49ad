"""`landbridge convert FILE --as FORMAT`: a saved profile for programs that know other standards."""

import hashlib
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.output import Output, print_json, talk
from landbridge.document import read_document
from landbridge.errors import Reason, refuse
from landbridge.exchange.credential import sign_credential, write_credential
from landbridge.exchange.follow_the_money import write_entities
from landbridge.exchange.provenance import Answered, write_provenance
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.keys import SigningKey
from landbridge.profile import SignedProfile
from landbridge.suggestion import did_you_mean
from landbridge.v1 import query_pb2
from landbridge.verification import verify_profile


class Format(StrEnum):
    """Into what a profile is converted."""

    CREDENTIAL = "credential"
    FOLLOW_THE_MONEY = "follow-the-money"
    PROV = "prov"


def convert(  # noqa: PLR0913 - options of a command, by name
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    as_: Annotated[Format, Parameter(name="--as")],
    key: Path | None = None,
    terms: Annotated[Sequence[str], Parameter(name="--map", negative_iterable=())] = (),
    bundle: Path | None = None,
    federation: Path | None = None,
    home: Path | None = None,
) -> int:
    """Verify a saved profile, and write it in another standard's form, on stdout.

    Args:
        file: A file that `landbridge profile ... --save FILE` wrote, or - for stdin.
        as_: credential (W3C Verifiable Credential 2.0), follow-the-money (NDJSON), or prov
            (PROV-JSON).
        key: For a credential: the requester's key for queries, which signs it. Without it the
            credential is written unsigned.
        terms: For follow-the-money: a shared term and the property that it is, as city=address.
        bundle: The federation's trust bundle; without it, that of the home folder.
        federation: The federation.toml by which the profile is recomputed.
        home: The home folder, where it is not .landbridge here or above.

    Raises:
        LandbridgeError: LB-4xxx where the profile does not hold; LB-1106 for unreadable files and
            options that do not fit the format; LB-4002 for a key of another use.
    """
    _check_options(as_, key, terms)
    data = sys.stdin.buffer.read() if file == "-" else read_named(Path(file), "profile")
    document = read_document(data)
    if bundle is None:
        found = Home.read(find_home(home))
        bundle, federation = found.bundle, federation or found.federation
    words = Federation.load(federation) if federation else None
    signed = verify_profile(document, open_bundle(bundle), federation=words).signed
    match as_:
        case Format.CREDENTIAL:
            _print_credential(document, None if key is None else SigningKey.load(key))
        case Format.FOLLOW_THE_MONEY:
            for entity in list(write_entities(document, _read_terms(terms, words))):
                print_json(entity, Output.NDJSON)
        case _:
            print_json(write_provenance(document, _answered(signed)), Output.JSON)
    return 0


def _check_options(as_: Format, key: Path | None, terms: Sequence[str]) -> None:
    for given, option, format_ in (
        (key, "--key", Format.CREDENTIAL),
        (terms, "--map", Format.FOLLOW_THE_MONEY),
    ):
        if given and as_ is not format_:
            raise refuse(
                Reason.USAGE,
                f"{option} goes with --as {format_} only",
                next_step=f"leave {option} out, or write --as {format_}",
            )


def _print_credential(document: dict[str, Any], issuer: SigningKey | None) -> None:
    credential = write_credential(document, issuer)
    if issuer is None:
        talk("note: not signed, and without an issuer: sign with --key FILE")
        print_json(credential, Output.JSON)
    else:
        sys.stdout.write(sign_credential(credential, issuer) + "\n")


def _read_terms(written: Sequence[str], federation: Federation | None) -> dict[str, str]:
    terms: dict[str, str] = {}
    for text in written:
        term, equals, name = text.partition("=")
        if not equals or not term or not name or term in terms:
            raise refuse(
                Reason.USAGE,
                f"{text!r} does not say of a term, once, which property it is",
                where="--map",
                next_step="write it as TERM=PROPERTY, such as city=address",
            )
        if federation is not None and term not in federation.terms:
            raise refuse(
                Reason.USAGE,
                f"{term!r} is not a shared term of {federation.name}"
                + did_you_mean(term, federation.terms),
                where="--map",
            )
        terms[term] = name
    return terms


def _answered(signed: SignedProfile) -> list[Answered]:
    return [
        Answered(
            agency=answer.agency,
            answered_at=answer.answered_at_unix_ms,
            digest=hashlib.sha256(envelope.payload).hexdigest(),
            datasets=frozenset(
                dataset.dataset
                for dataset in answer.datasets
                if answer.step == query_pb2.STEP_COLLECT
                and any(extract.records for extract in dataset.extracts)
            ),
        )
        for envelope, answer in zip(signed.profile.answers, signed.answers, strict=True)
    ]
