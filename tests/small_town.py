"""A town of three agencies that sign real queries, answers and profiles with their own keys.

What nodes would read from databases is written here by hand; keys, logs and proofs are real.
"""

from collections.abc import Callable, Iterable, MutableSequence, Sequence
from pathlib import Path
from typing import Final

from certs.federation import PartyPlan, create_federation
from landbridge.agency import Role
from landbridge.assembler import VerifiedAnswer, assemble
from landbridge.clock import system_clock
from landbridge.envelope import (
    ANSWER_TYPE,
    PROFILE_TYPE,
    QUERY_TYPE,
    digest,
    evidence_to_proto,
    sign_batch,
)
from landbridge.federation import Federation
from landbridge.heading import read_columns, write_heading
from landbridge.home import Home
from landbridge.keys import KeyUse
from landbridge.log.store import LogStore
from landbridge.query import Wanted, write_query
from landbridge.reasons import Reason
from landbridge.sealed_answer import seal_answer
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, envelope_pb2, log_pb2, profile_pb2, query_pb2

NAME: Final = "town.example"
SUBJECT: Final = SubjectId("company", "00000042")
MEMORANDA: Final = ("m-1", "m-2")
FEDERATION: Final = r"""
[federation]
name = "town.example"
title = "A small town"
[gateway]
agency = "hall"
name = "main"
[agencies.registry]
title = "Company registry"
roles = ["node"]
[agencies.permits]
title = "Permit office"
roles = ["node"]
[agencies.court]
title = "Court"
roles = ["node"]
[agencies.board]
title = "Licensing board"
roles = ["requester"]
[schemes.company]
title = "Company number"
subject_kind = "legal-entity"
read = ["strip", "pad 8"]
pattern = '\d{8}'
[schemes.permit]
title = "Permit number"
subject_kind = "legal-entity"
pattern = 'P\d+'
[purposes.licence-check]
title = "Licence check"
[terms.name]
title = "Name"
compare = "letters"
authoritative = "registry"
[terms.status]
title = "Status"
[terms.city]
title = "City"
compare = "letters"
"""

TEXT: Final = answer_pb2.VALUE_TYPE_TEXT
CODE: Final = answer_pb2.VALUE_TYPE_CODE


def column(
    field: str,
    kind: answer_pb2.ValueType.ValueType = TEXT,
    *,
    term: str = "",
    scheme: str = "",
) -> answer_pb2.Column:
    return answer_pb2.Column(field=field, type=kind, term=term, scheme=scheme)


def heading(*columns: answer_pb2.Column) -> bytes:
    return write_heading(columns)


def alter_heading(
    extract: answer_pb2.Extract,
    change: Callable[[MutableSequence[answer_pb2.Column]], object],
) -> None:
    """Write the heading of an extract anew with other columns."""
    columns = read_columns(extract.heading)
    change(columns)
    extract.heading = heading(*columns)


def text(canonical: str, native: str = "") -> answer_pb2.Value:
    return answer_pb2.Value(text=canonical, native=native)


def record(
    name: str, about: SubjectId, values: Iterable[answer_pb2.Value], *, group: bool = False
) -> answer_pb2.Record:
    return answer_pb2.Record(
        record=name,
        about={"scheme": about.scheme, "value": about.value},
        covers_group=group,
        values=values,
    )


def answered(
    dataset: str, extracts: Iterable[answer_pb2.Extract], *, as_of: str = ""
) -> answer_pb2.DatasetAnswer:
    return answer_pb2.DatasetAnswer(
        dataset=dataset, outcome=Reason.ANSWERED.value, extracts=extracts, as_of=as_of
    )


class Town:
    """The town's parties, with their keys and logs in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.federation_path = folder / "federation.toml"
        self.federation_path.write_text(FEDERATION)
        self.federation = Federation.load(self.federation_path)
        plans = [
            PartyPlan(agency, Role.NODE, agency, (KeyUse.LOG,))
            for agency in ("registry", "permits", "court")
        ]
        plans.append(PartyPlan("hall", Role.GATEWAY, "hall", (KeyUse.LOG,)))
        plans.append(PartyPlan("board", Role.REQUESTER, "board", (KeyUse.QUERY, KeyUse.LOG)))
        self.pki = create_federation(folder / "parties", NAME, plans)
        self.bundle = self.pki.publish()
        self.bundle_path = folder / "trust-bundle.json"
        self.bundle_path.write_bytes(self.bundle.document)
        self.parties = {party.identity.agency: party for party in self.pki.parties.values()}
        self.logs = {
            agency: LogStore.open(folder / f"{agency}.sqlite", party.origin, party.keys[KeyUse.LOG])
            for agency, party in self.parties.items()
            if KeyUse.LOG in party.keys
        }

    def close(self) -> None:
        for log in self.logs.values():
            log.close()

    def query(
        self, wanted: Sequence[Wanted] = (), *, seal_to: bytes = b""
    ) -> envelope_pb2.Envelope:
        payload = write_query(
            federation=self.federation,
            requester="board",
            subject=SUBJECT,
            purpose="licence-check",
            case_reference="C-1",
            wanted=wanted,
            at=system_clock(),
            seal_to=seal_to,
        )
        return sign_batch(QUERY_TYPE, [payload], self.parties["board"].keys[KeyUse.QUERY])[0]

    def answer(
        self,
        query: envelope_pb2.Envelope,
        agency: str,
        datasets: Iterable[answer_pb2.DatasetAnswer],
        *,
        step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
    ) -> VerifiedAnswer:
        """Sign an answer as its node does, sealed where the query names a key for that."""
        asked = query_pb2.Query.FromString(query.payload)
        message = answer_pb2.Answer(
            query_digest=digest(QUERY_TYPE, query.payload),
            federation=NAME,
            agency=agency,
            step=step,
            round=1,
            answered_at_unix_ms=system_clock(),
            datasets=datasets,
        )
        if asked.seal_to and step == query_pb2.STEP_COLLECT:
            message = seal_answer(
                message, seal_to=asked.seal_to, requester=asked.requester, memoranda=MEMORANDA
            )
        return self.sign_answer(message, query)

    def sign_answer(
        self, message: answer_pb2.Answer, query: envelope_pb2.Envelope
    ) -> VerifiedAnswer:
        """Log and sign an answer as it is, as a dishonest node may."""
        entry = log_pb2.LogEntry(
            kind=log_pb2.ENTRY_KIND_ANSWER,
            step=message.step,
            round=message.round,
            logged_at_unix_ms=message.answered_at_unix_ms,
        )
        payload = message.SerializeToString()
        envelope = self.sign(message.agency, ANSWER_TYPE, payload, query, entry)
        return VerifiedAnswer.of(envelope, message)

    def sign(
        self,
        agency: str,
        payload_type: str,
        payload: bytes,
        query: envelope_pb2.Envelope,
        entry: log_pb2.LogEntry,
    ) -> envelope_pb2.Envelope:
        """Log a payload; the log's signed head signs it."""
        asked = query_pb2.Query.FromString(query.payload)
        entry.query_digest = digest(QUERY_TYPE, query.payload)
        entry.requester, entry.purpose = asked.requester, asked.purpose
        entry.case_reference = asked.case_reference
        entry.payload_digest = digest(payload_type, payload)
        entry.logged_at_unix_ms = entry.logged_at_unix_ms or system_clock()
        (evidence,) = self.logs[agency].append([entry.SerializeToString()])
        return envelope_pb2.Envelope(
            payload_type=payload_type, payload=payload, log=evidence_to_proto(evidence)
        )

    def assemble(
        self,
        query: envelope_pb2.Envelope,
        answers: Sequence[VerifiedAnswer],
        not_answered: Iterable[profile_pb2.Source] = (),
    ) -> profile_pb2.Profile:
        return assemble(
            query=query,
            asked=SUBJECT,
            gateway="hall/main",
            at=system_clock(),
            answers=answers,
            not_answered=not_answered,
            federation=self.federation,
        )

    def sign_profile(
        self, profile: profile_pb2.Profile, agency: str = "hall"
    ) -> envelope_pb2.Envelope:
        entry = log_pb2.LogEntry(
            kind=log_pb2.ENTRY_KIND_PROFILE, logged_at_unix_ms=profile.assembled_at_unix_ms
        )
        return self.sign(agency, PROFILE_TYPE, profile.SerializeToString(), profile.query, entry)

    def profile(self, wanted: Sequence[Wanted] = ()) -> envelope_pb2.Envelope:
        """Sign the profile that most tests read: something of everything."""
        return self.profile_for(self.query(wanted))

    def profile_for(self, query: envelope_pb2.Envelope) -> envelope_pb2.Envelope:
        """Sign that profile as the answer to a query."""
        return self.sign_profile(self.assemble(query, bakery_answers(self, query), BAKERY_ABSENT))

    def write_home(self, folder: Path, address: str) -> Home:
        """Write the home folder of somebody who asks as the board."""
        home = Home(
            folder=folder,
            federation=self.federation_path,
            gateway_address=address,
            gateway_dns_name=self.parties["hall"].identity.dns_name,
            requester="board",
            requesters={"board": self.parties["board"].folder},
        )
        home.write()
        home.bundle.write_bytes(self.bundle.document)
        return home


P1, P2 = SubjectId("permit", "P1"), SubjectId("permit", "P2")
BAKERY_ABSENT: Final = (
    profile_pb2.Source(
        agency="court",
        dataset="rulings",
        outcome=Reason.LATE.value,
        detail="no answer in 800 ms",
    ),
    profile_pb2.Source(
        agency="court",
        dataset="debts",
        outcome=Reason.NOT_COVERED.value,
        reasons=[Reason.NOT_COVERED.value],
        not_asked=True,
    ),
)


def parsed(verified: VerifiedAnswer) -> answer_pb2.Answer:
    """Parse an answer from its envelope."""
    return answer_pb2.Answer.FromString(verified.envelope.payload)


def bakery_answers(town: Town, query: envelope_pb2.Envelope) -> list[VerifiedAnswer]:
    """Answer as the town's nodes would about Northgate Bakery."""
    identifier = answer_pb2.VALUE_TYPE_IDENTIFIER
    links = answer_pb2.Extract(
        memorandum="m-1",
        clause="1.1",
        legal_basis="Act 1",
        heading=heading(
            column("company", identifier, scheme="company"),
            column("permits", identifier, scheme="permit"),
        ),
        records=[
            record(
                "r-42",
                SUBJECT,
                [
                    text(SUBJECT.value),
                    answer_pb2.Value(list={"items": [text("P1"), text("P2")]}, native="P1, P2"),
                ],
            )
        ],
    )
    names = answer_pb2.Extract(
        memorandum="m-1",
        clause="2.1",
        legal_basis="Act 1",
        heading=heading(
            column("name", term="name"),
            column("status", CODE, term="status"),
            column("opened", answer_pb2.VALUE_TYPE_DATE),
            column("closed", answer_pb2.VALUE_TYPE_DATE),
            column("staff", answer_pb2.VALUE_TYPE_INTEGER),
        ),
        records=[
            record(
                "r-42",
                SUBJECT,
                [
                    text("Northgate Bakery"),
                    text("active", "A"),
                    text("1999-02-01", "02/01/1999"),
                    answer_pb2.Value(native="soon", quality=answer_pb2.QUALITY_UNREADABLE),
                    answer_pb2.Value(integer=12),
                ],
            )
        ],
    )
    place = answer_pb2.Extract(
        memorandum="m-1",
        clause="2.2",
        legal_basis="Act 2",
        heading=heading(column("city", term="city"), column("phone")),
        records=[
            record(
                "r-42",
                SUBJECT,
                [
                    text("Springfield"),
                    answer_pb2.Value(native="-", quality=answer_pb2.QUALITY_EMPTY),
                ],
            )
        ],
    )
    companies = answered("companies", [names, place], as_of="2026-01-31")
    companies.refusals.add(
        field="tax-debt", reason=Reason.FIELD_NOT_COVERED.value, memorandum="m-1", clause="2.1"
    )
    companies.refusals.add(
        field="owner", reason=Reason.FIELD_NOT_COVERED.value, memorandum="m-1", clause="2.1"
    )
    permits = answer_pb2.Extract(
        memorandum="m-2",
        clause="1",
        legal_basis="Act 3",
        heading=heading(
            column("holder", term="name"),
            column("state", CODE, term="status"),
            column("town", term="city"),
            column("fee", answer_pb2.VALUE_TYPE_MONEY),
            column("open_sundays", answer_pb2.VALUE_TYPE_BOOLEAN),
            column("inspections", answer_pb2.VALUE_TYPE_DATE),
        ),
        records=[
            record(
                "permits.csv:7",
                P1,
                [
                    text("NORTHGATE BAKERY"),
                    text("revoked"),
                    text("springfield"),
                    text("40.00 USD", "$40"),
                    answer_pb2.Value(boolean=False, native="N"),
                    answer_pb2.Value(
                        list={
                            "items": [
                                text("2025-01-02"),
                                answer_pb2.Value(
                                    native="[b]?", quality=answer_pb2.QUALITY_UNREADABLE
                                ),
                            ]
                        },
                        native="2025-01-02; [b]?",
                    ),
                ],
            ),
            record(
                "permits.csv:9",
                SUBJECT,
                [
                    text("Northgate Group"),
                    *[text("x")] * 3,
                    answer_pb2.Value(boolean=True),
                    text("y"),
                ],
                group=True,
            ),
        ],
    )
    permits.records[0].as_of = "2026-03-01"
    return [
        town.answer(query, "registry", [answered("links", [links])], step=query_pb2.STEP_RESOLVE),
        town.answer(query, "registry", [companies]),
        town.answer(
            query,
            "permits",
            [
                answered("permits", [permits], as_of="2025-12-31"),
                answer_pb2.DatasetAnswer(dataset="fines", outcome=Reason.NO_RECORD.value),
            ],
        ),
    ]
