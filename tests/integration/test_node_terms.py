"""The terms of a clause at a running node: predicates, quotas, sealing, promises on the data."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from landbridge.agency import Role
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.errors import LandbridgeError
from landbridge.heading import read_heading
from landbridge.keys import KeyUse
from landbridge.profile import profile_document
from landbridge.query import Wanted
from landbridge.reasons import Reason
from landbridge.sealed_answer import SMALLEST_BYTES, open_answer, unseal
from landbridge.sealing import OVERHEAD_BYTES
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, envelope_pb2, log_pb2, profile_pb2, query_pb2
from landbridge.verification import verify_profile
from tests.market import BAKERY, FOOD, MILL, PURPOSE, REGISTER, TAX, Market, market, write_market
from tests.node_questions import answer_of, ask, question

PREDICATES: Final = [
    {
        "name": "owes-more-than",
        "title": "Does the company owe more than an amount?",
        "asks": {"amount": {"type": "decimal"}},
        "when": [{"field": "arrears", "gt": {"asked": "amount"}}],
    },
    {
        "name": "late-on",
        "title": "Was it late on a day?",
        "asks": {"day": {"type": "date", "of": ["2026-05-03", "2026-05-02"]}},
        "when": [{"field": "since", "le": {"asked": "day"}}],
    },
    {
        "name": "lately-late",
        "title": "Is something overdue for no longer than a century?",
        "when": [{"field": "since", "within": "P100Y"}],
    },
]
_GRANTS: Final[list[dict[str, Any]]] = [
    {
        "provider": REGISTER,
        "dataset": "companies",
        "fields": ["company_number", "tax_number", "name", "state"],
    },
    {"provider": TAX, "dataset": "arrears", "predicates": PREDICATES},
    {
        "provider": FOOD,
        "dataset": "findings",
        "fields": ["visited", "finding", "closed"],
        "where": [{"field": "visited", "within": "P100Y"}],
    },
]


def write_terms(top: Path, *, companies: Mapping[str, Any], findings: Mapping[str, Any]) -> Path:
    """Write the market, its clauses with these terms; the tax office answers predicates alone."""
    folder = write_market(top)
    terms: list[Mapping[str, Any]] = [companies, {}, findings]
    grants = [
        {
            "clause": f"1.{number}",
            **grant,
            "requesters": ["city"],
            "purposes": [PURPOSE],
            "subject_kinds": ["legal-entity"],
            **added,
        }
        for number, (grant, added) in enumerate(zip(_GRANTS, terms, strict=True), 1)
    ]
    memorandum = {
        "memorandum": "stalls-2026",
        "title": "Records for stall permits",
        "parties": [REGISTER, TAX, FOOD, "city"],
        "legal_basis": "Market Act, section 12",
        "valid": {"from": "2026-01-01T00:00:00Z", "until": "2040-01-01T00:00:00Z"},
        "link_sources": [f"{REGISTER}/companies"],
        "grants": grants,
    }
    (folder / "memoranda" / "stalls.yaml").write_text(json.dumps(memorandum, indent=1))
    return folder


async def profile_of(
    running: Market, *wanted: Wanted, subject: SubjectId = BAKERY
) -> tuple[profile_pb2.Profile, dict[str, answer_pb2.DatasetAnswer]]:
    """Ask for a profile, verify it, and return it with the answers to collect, by agency."""
    envelope = await running.client.ask(subject, PURPOSE, "M-1", wanted)
    verify_profile(
        profile_document(envelope), running.bundle, federation=running.sandbox.federation
    )
    profile = profile_pb2.Profile.FromString(envelope.payload)
    answers = [answer_pb2.Answer.FromString(each.payload) for each in profile.answers]
    return profile, {
        answer.agency: answer.datasets[0]
        for answer in answers
        if answer.step == query_pb2.STEP_COLLECT
    }


def verdicts(answer: answer_pb2.DatasetAnswer) -> dict[str, bool]:
    """Return what predicates say."""
    (extract,) = answer.extracts
    (record,) = extract.records
    assert record.record == ""
    return {
        field: value.boolean
        for field, value in zip(read_heading(extract.heading).fields, record.values, strict=True)
    }


def refusals(answer: answer_pb2.DatasetAnswer) -> dict[str, tuple[Reason, str]]:
    return {each.field: (Reason(each.reason), each.clause) for each in answer.refusals}


async def test_predicates_are_answered_and_no_value_leaves(tmp_path: Path) -> None:
    write_terms(tmp_path, companies={}, findings={})
    async with market(tmp_path, write=False) as running:

        def arrears(*fields: str, **arguments: str | int) -> Wanted:
            return Wanted(TAX, "arrears", fields, tuple(arguments.items()))

        yes_and_no = [
            (arrears("owes-more-than", amount="1249.99"), {"owes-more-than": True}),
            (arrears("owes-more-than", amount="1250"), {"owes-more-than": False}),
            (
                arrears("late-on", "owes-more-than", day="2026-05-02", amount=2000),
                {"late-on": False, "owes-more-than": False},
            ),
            (arrears("late-on", day="2026-05-03"), {"late-on": True}),
            (arrears(day="2026-05-03"), {"late-on": True, "lately-late": True}),
        ]
        for wanted, expected in yes_and_no:
            _, answers = await profile_of(running, wanted)
            assert verdicts(answers[TAX]) == expected
            answer = answers[TAX].SerializeToString()
            for value in (b"1250", b"1,250", b"03/05/2026", b"2026-05-03", b"arrears.csv"):
                assert value not in answer
        (record,) = answers[TAX].extracts[0].records
        assert (record.about.scheme, record.about.value) == (BAKERY.scheme, BAKERY.value)

        _, answers = await profile_of(running)
        assert verdicts(answers[TAX]) == {"lately-late": True}, "nothing asked, so nothing else"
        assert refusals(answers[TAX])["arrears"] == (Reason.FIELD_NOT_COVERED, "1.2")

        _, answers = await profile_of(running, arrears("lately-late"), subject=MILL)
        assert answers[TAX].outcome == Reason.NO_RECORD


async def test_what_predicates_are_asked_wrongly_is_refused_by_name(tmp_path: Path) -> None:
    write_terms(tmp_path, companies={}, findings={})
    async with market(tmp_path, write=False) as running:
        wanted = Wanted(
            TAX,
            "arrears",
            ("owes-more-than", "late-on", "lately-late"),
            (("amount", "much"), ("day", "2026-01-01")),
        )
        _, answers = await profile_of(running, wanted)
        bad = (Reason.BAD_ARGUMENT, "1.2")
        assert refusals(answers[TAX]) == {"owes-more-than": bad, "late-on": bad}
        assert verdicts(answers[TAX]) == {"lately-late": True}
        assert "asks for amount as a decimal number" in answers[TAX].detail
        assert "much" not in answers[TAX].detail

        _, answers = await profile_of(running, Wanted(TAX, "arrears", ("owes-more-than",)))
        assert answers[TAX].outcome == Reason.BAD_ARGUMENT
        assert not answers[TAX].extracts

        profile, _ = await profile_of(running, Wanted(TAX, "arrears", ("owes-less-than",)))
        outcomes = {source.agency: Reason(source.outcome) for source in profile.sources}
        assert outcomes[TAX] in (Reason.UNKNOWN_FIELD, Reason.FIELD_NOT_COVERED)


async def test_the_log_names_every_clause_that_was_read(tmp_path: Path) -> None:
    write_terms(tmp_path, companies={}, findings={})
    async with market(tmp_path, write=False) as running:
        await profile_of(running, Wanted(TAX, "arrears", ("lately-late",)), subject=MILL)
        (access,) = accesses(running, TAX)[-1]
        assert (access.memorandum, access.clause) == ("stalls-2026", "1.2")
        assert (list(access.released), access.records) == (["lately-late"], 0)
        assert access.outcome == Reason.NO_RECORD


def accesses(running: Market, agency: str) -> list[list[log_pb2.Access]]:
    """Return what a node's log says of each answer, oldest first."""
    entries = map(log_pb2.LogEntry.FromString, running.nodes[agency].log.entries())
    return [list(entry.accesses) for entry in entries if entry.kind == log_pb2.ENTRY_KIND_ANSWER]


async def test_a_quota_holds_through_a_restart(tmp_path: Path) -> None:
    quota = {"queries": 2, "per": "year"}
    write_terms(tmp_path, companies={"quota": quota}, findings={"quota": quota})
    async with market(tmp_path, write=False) as running:
        for _ in range(2):
            # Resolving and collecting at the register are one query.
            _, answers = await profile_of(running)
            assert answers[REGISTER].outcome == answers[FOOD].outcome == Reason.ANSWERED
        await running.nodes.pop(FOOD).stop()
        await running.restart(FOOD)
        profile, answers = await profile_of(running)
        for agency, clause, names in (
            (REGISTER, "1.1", _GRANTS[0]["fields"]),
            (FOOD, "1.3", _GRANTS[2]["fields"]),
        ):
            answer = answers[agency]
            assert answer.outcome == Reason.QUOTA_SPENT
            assert refusals(answer) == dict.fromkeys(names, (Reason.QUOTA_SPENT, clause))
            assert f"clause {clause} of stalls-2026 answers 2 queries a year" in answer.detail
            (access,) = accesses(running, agency)[-1]
            assert (access.outcome, access.clause) == (Reason.QUOTA_SPENT, clause)
            assert (list(access.refused), list(access.released)) == (names, [])
        assert profile.completeness.refused == 2
        (tax,) = (source for source in profile.sources if source.agency == TAX)
        assert tax.outcome == Reason.NOT_ADDRESSABLE
        assert f"not to be asked for links: {REGISTER} (LB-3009)" in tax.detail


async def test_a_failed_source_takes_nothing_from_the_quota(tmp_path: Path) -> None:
    write_terms(tmp_path, companies={}, findings={"quota": {"queries": 1, "per": "year"}})
    async with market(tmp_path, write=False) as running:
        reader = running.nodes[FOOD].dispatcher._responder._reader
        source = reader._source
        reader._source = _Broken(source.heading)  # type: ignore[assignment]
        first = question(running.query(), "findings")
        assert (await answer_of(running, FOOD, first)).outcome == Reason.SOURCE_FAILED
        reader._source = _Raising()  # type: ignore[assignment]
        again = question(running.query(), "findings")
        with pytest.raises(LandbridgeError):
            await ask(running, FOOD, again)
        reader._source = source
        assert (await answer_of(running, FOOD, again)).outcome == Reason.ANSWERED
        spent = question(running.query(), "findings")
        assert (await answer_of(running, FOOD, spent)).outcome == Reason.QUOTA_SPENT


class _Broken:
    """A database that answers every look-up with its failure."""

    def __init__(self, heading: object) -> None:
        self.heading = heading

    def read(self, lookups: list[object]) -> list[LandbridgeError]:
        return [LandbridgeError(Reason.SOURCE_FAILED, "the disk is gone") for _ in lookups]


class _Raising:
    """A database that fails in a way that nobody foresaw."""

    def read(self, _: object) -> object:
        raise ZeroDivisionError


async def test_questions_at_once_get_no_more_than_the_quota(tmp_path: Path) -> None:
    write_terms(tmp_path, companies={}, findings={"quota": {"queries": 5, "per": "year"}})
    async with market(tmp_path, write=False) as running:
        queries = running.client.sign([BAKERY] * 40, PURPOSE, "M-2")
        found = await asyncio.gather(
            *(answer_of(running, FOOD, question(query, "findings")) for query in queries)
        )
        outcomes = [Reason(answer.outcome) for answer in found]
        assert sorted(outcomes) == [Reason.ANSWERED] * 5 + [Reason.QUOTA_SPENT] * 35


async def test_promises_on_the_data_stand_beside_them(tmp_path: Path) -> None:
    folder = write_terms(
        tmp_path,
        companies={"retention": "P2Y", "fresh_within": "P1M"},
        findings={"retention": "P90D", "fresh_within": "P1D"},
    )
    config = folder / "agencies" / REGISTER / "node.toml"
    config.write_text(config.read_text().replace("2026-11-01", "2020-02-29"))
    async with market(tmp_path, write=False) as running:
        _, answers = await profile_of(running)
        promised = {
            agency: (extract.retention, extract.fresh_within, extract.overdue)
            for agency, answer in answers.items()
            for extract in answer.extracts
        }
        assert promised == {
            REGISTER: ("P2Y", "P1M", True),
            TAX: ("", "", False),
            # The inspection does not say of which day its data are.
            FOOD: ("P90D", "P1D", False),
        }


async def test_a_clause_that_seals_answers_only_sealed(tmp_path: Path) -> None:
    write_terms(tmp_path, companies={"sealed": True}, findings={"sealed": True})
    async with market(tmp_path, write=False) as running:
        clear = await answer_of(running, FOOD, question(running.query(), "findings"))
        assert clear.outcome == Reason.SEALING_REQUIRED
        resolving = question(running.query(), "companies", step=query_pb2.STEP_RESOLVE)
        assert (await answer_of(running, REGISTER, resolving)).outcome == Reason.SEALING_REQUIRED

        (query,) = running.client.sign([BAKERY], PURPOSE, "M-3", sealed=True)
        key = running.client._writer._sealing.take(query.payload)
        sealed_resolving = question(query, "companies", step=query_pb2.STEP_RESOLVE)
        answer = await answer_of(running, REGISTER, sealed_resolving)
        assert answer.outcome == Reason.SEALING_REQUIRED, "links are never sealed"

        envelope = await ask(running, FOOD, question(query, "findings"))
        answer_ = answer_pb2.Answer.FromString(envelope.payload)
        assert [each.outcome for each in answer_.datasets] == [Reason.SEALED]
        assert list(answer_.sealed.memoranda) == ["stalls-2026"]
        assert b"Cold store" not in envelope.SerializeToString()
        opened = unseal(answer_, open_answer(answer_, key, requester="city")).datasets[0]
        assert opened.outcome == Reason.ANSWERED
        assert b"Cold store" in opened.SerializeToString()

        (access,) = accesses(running, FOOD)[-1]
        assert (access.outcome, access.records) == (Reason.SEALED, 0)
        assert (access.memorandum, access.clause) == ("stalls-2026", "1.3")
        assert list(access.released) == ["visited", "finding", "closed"]


@pytest.mark.parametrize("found", [True, False], ids=["found", "nothing found"])
async def test_a_sealed_answer_does_not_show_whether_there_was_a_record(
    tmp_path: Path, *, found: bool
) -> None:
    write_terms(tmp_path, companies={}, findings={"quota": {"queries": 1, "per": "year"}})
    async with market(tmp_path, write=False) as running:
        subject = BAKERY if found else MILL
        query, after = (
            running.client.sign([each], PURPOSE, "M-3", sealed=True)[0]
            for each in (subject, BAKERY)
        )
        envelope = await ask(running, FOOD, question(query, "findings"))
        answer = answer_pb2.Answer.FromString(envelope.payload)
        entry = log_pb2.LogEntry.FromString(envelope.log.entry)
        assert [each.outcome for each in answer.datasets] == [Reason.SEALED]
        assert [(each.outcome, each.records) for each in entry.accesses] == [(Reason.SEALED, 0)]
        assert len(answer.sealed.ciphertext) == OVERHEAD_BYTES + SMALLEST_BYTES
        # It counts all the same, and the refusal is sealed like any answer.
        spent = await ask(running, FOOD, question(after, "findings"))
        refused = answer_pb2.Answer.FromString(spent.payload)
        assert [each.outcome for each in refused.datasets] == [Reason.SEALED]
        opened = unseal(
            refused,
            open_answer(
                refused, running.client._writer._sealing.take(after.payload), requester="city"
            ),
        )
        assert opened.datasets[0].outcome == Reason.QUOTA_SPENT


async def test_a_key_that_is_none_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    write_terms(tmp_path, companies={}, findings={})
    async with market(tmp_path, write=False) as running:
        for key in (b"x", b"\x00" * 1216, b"\xff" * 1216, b"k" * 4096):
            with pytest.raises(LandbridgeError) as caught:
                await ask(running, FOOD, question(sealed_to(running, key), "findings"))
            assert caught.value.reason is Reason.MALFORMED_REQUEST
            with pytest.raises(LandbridgeError) as caught:
                await running.client.send(sealed_to(running, key))
            assert caught.value.reason is Reason.MALFORMED_REQUEST
        assert accesses(running, FOOD) == []


def sealed_to(running: Market, key: bytes) -> envelope_pb2.Envelope:
    """Sign a query that names something as the key to seal to."""
    message = query_pb2.Query.FromString(running.query().payload)
    message.seal_to = key
    signing = running.key("city", Role.REQUESTER, KeyUse.QUERY)
    return sign_batch(QUERY_TYPE, [message.SerializeToString()], signing)[0]


def make_everybody_a_person(folder: Path) -> None:
    """Turn the market's companies into persons, on whom a statute opens the records."""
    for path in (folder / "federation.toml", *folder.glob("agencies/*/node.toml")):
        path.write_text(path.read_text().replace("legal-entity", "natural-person"))
    path = folder / "memoranda" / "stalls.yaml"
    memorandum = json.loads(path.read_text())
    for grant in memorandum["grants"]:
        grant |= {"subject_kinds": ["natural-person"], "statute": "Market Act, section 13"}
    path.write_text(json.dumps(memorandum))


async def test_persons_are_asked_about_one_at_a_time(tmp_path: Path) -> None:
    make_everybody_a_person(write_terms(tmp_path, companies={}, findings={}))
    async with market(tmp_path, write=False) as running:
        alone = running.query()
        another = running.query(MILL)
        signing = running.key("city", Role.REQUESTER, KeyUse.QUERY)
        together = sign_batch(QUERY_TYPE, [alone.payload, another.payload], signing)
        for query in together:
            with pytest.raises(LandbridgeError) as caught:
                await ask(running, FOOD, question(query, "findings"))
            assert caught.value.reason is Reason.BULK_REFUSED
            with pytest.raises(LandbridgeError) as caught:
                await running.client.send(query)
            assert caught.value.reason is Reason.BULK_REFUSED
        assert (await answer_of(running, FOOD, question(alone, "findings"))).outcome == (
            Reason.ANSWERED
        )
        (entry,) = (
            entry
            for entry in map(log_pb2.LogEntry.FromString, running.nodes[FOOD].log.entries())
            if entry.kind == log_pb2.ENTRY_KIND_ANSWER
        )
        assert not entry.consents, "a statute needs none"
