"""What comes back on a case is proven by the agency's log, and by nothing that a gateway says."""

import copy
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import jsonschema
import pytest

from landbridge.agency import Role
from landbridge.case_document import case_document, verify_case_document
from landbridge.case_proof import prove_shown, prove_taken
from landbridge.commands import case_line
from landbridge.commands.opened_cases import find_opened
from landbridge.envelope import evidence_to_proto
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore
from landbridge.rights.case import Case
from landbridge.rights.case_request import ask_for_case, ask_for_case_as_agency
from landbridge.rights.sent_step import SentStep
from landbridge.rights.steps import CaseKind, CaseState, Step
from landbridge.rpc.status import abort
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import rights_service_pb2 as pb
from landbridge.v1 import rights_service_pb2_grpc as pb_grpc
from node.case_show import CaseShow
from node.rights_replay import SpentRequests
from tests.cases import NORTH, PERSON, Registry, memorandum_key, running
from tests.consents import desks
from tests.example import ROOT
from tests.pki import FEDERATION, REGISTRY, SCHOOLS, shared_federation

ORIGIN: Final = f"{REGISTRY}.{FEDERATION}/node/main"
OTHER_PERSON: Final = "38001085718"
SCHEMA: Final = json.loads((ROOT / "docs/schemas/case.schema.json").read_text())
VALIDATOR: Final = jsonschema.Draft202012Validator(SCHEMA)


def log_key(agency: str) -> SigningKey:
    return SigningKey.load(shared_federation().state(agency, Role.NODE) / "keys" / "log.key")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Registry]:
    with running(tmp_path, log_key=log_key(REGISTRY), origin=ORIGIN) as made:
        yield made


@pytest.fixture
def shows(node: Registry) -> CaseShow:
    return CaseShow(
        agency=REGISTRY,
        cases=node.cases,
        log=node.case_log,
        bundle=lambda: desks().bundle,
        schemes=node.federation.schemes,
        desks=None,
        spent=SpentRequests(node.folder / "spent", at=node.now),
    )


def asked(node: Registry, case: Case, *subjects: SubjectId) -> SignedByOne:
    return ask_for_case(
        case.id, agency=REGISTRY, subjects=subjects or [NORTH], voice=desks().key, at=node.now
    )


def submitted(node: Registry, document: bytes) -> pb.SubmitStepResponse:
    """Answer as the node's service does."""
    counted = node.cases.submit(document)
    return pb.SubmitStepResponse(
        case_id=counted.case.id,
        state=counted.case.state.number,  # type: ignore[arg-type]
        logged=evidence_to_proto(counted.evidence),
    )


def code_of(act: Callable[[], object]) -> str:
    try:
        act()
    except LandbridgeError as error:
        return error.code
    return "believed"


def test_a_step_that_was_taken_is_proven_by_the_log(node: Registry) -> None:
    sent = SentStep.read(node.opening())
    answer = submitted(node, sent.document)
    assert prove_taken(answer, sent, desks().bundle, node.now) == 0
    again = submitted(node, sent.document)
    assert prove_taken(again, sent, desks().bundle, node.now) == 0

    decision = SentStep.read(node.step(node.cases.case(sent.case_id), Step.REJECTED))
    assert (decision.case_id, decision.agency) == (sent.case_id, REGISTRY)
    answer = submitted(node, decision.document)
    assert prove_taken(answer, decision, desks().bundle, node.now) == 1


def lies(node: Registry, sent: SentStep) -> dict[str, pb.SubmitStepResponse]:
    """Answer a step as a gateway may that keeps it to itself, or another party's log."""
    other = submitted(node, node.opening(record="S2/2024")).logged
    true = submitted(node, sent.document).logged
    forger = SigningKey.generate(REGISTRY, KeyUse.LOG)
    found = {
        "nothing": pb.SubmitStepResponse(case_id=sent.case_id, state=1),  # type: ignore[arg-type]
        "another case": pb.SubmitStepResponse(case_id="f" * 32, logged=true),
        "a path": pb.SubmitStepResponse(case_id="../../../profile", logged=true),
        "another entry": pb.SubmitStepResponse(case_id=sent.case_id, logged=other),
    }
    for name, key, origin in (
        ("a key of one's own", forger, ORIGIN),
        ("another agency's log", log_key(SCHOOLS), f"{SCHOOLS}.{FEDERATION}/node/main"),
        ("a log of nobody", forger, f"{REGISTRY}.{FEDERATION}/node/other"),
    ):
        log = LogStore.open(node.folder / f"{name}.sqlite", origin, key, look_up_key=bytes(32))
        (evidence,) = log.append([true.entry])
        log.close()
        logged = evidence_to_proto(evidence)
        found[name] = pb.SubmitStepResponse(case_id=sent.case_id, logged=logged)
    for name, changes in {
        "an entry that was altered": {"entry": true.entry[:-1] + b"x"},
        "another place": {"index": true.index + 1},
        "no path": {"path": [b"x" * 32]},
        "a head that was altered": {"checkpoint": true.checkpoint.replace(b"\n2\n", b"\n3\n")},
        "no head": {"checkpoint": b""},
    }.items():
        changed = pb.SubmitStepResponse(case_id=sent.case_id, logged=true)
        for field, value in changes.items():
            changed.logged.ClearField(field)  # type: ignore[arg-type]
            changed.logged.MergeFrom(type(true)(**{field: value}))
        found[name] = changed
    return found


def test_what_a_gateway_makes_up_is_not_believed(node: Registry) -> None:
    sent = SentStep.read(node.opening())
    told = {
        name: code_of(lambda lie=lie: prove_taken(lie, sent, desks().bundle, node.now))
        for name, lie in lies(node, sent).items()
    }
    assert set(told.values()) <= {"LB-4001", "LB-4002", "LB-4008"}, told


def test_a_case_is_shown_as_it_is_now(node: Registry, shows: CaseShow) -> None:
    case = node.open()
    request = asked(node, case)
    answer = shows.show(request.to_bytes(), node.now)
    assert prove_shown(answer, request, desks().bundle, node.now).case.id == case.id

    node.take(case, Step.REJECTED)
    other = node.open(record="S2/2024")
    today, on_other = asked(node, case), asked(node, other)
    true = shows.show(today.to_bytes(), node.now)
    assert prove_shown(true, today, desks().bundle, node.now).case.state == "rejected"
    deciding = ask_for_case_as_agency(
        case.id, agency=REGISTRY, key=memorandum_key(REGISTRY), at=node.now
    )
    decided = shows.show(deciding.to_bytes(), node.now)
    assert prove_shown(decided, deciding, desks().bundle, node.now).case.id == case.id

    def mixed(**changes: Any) -> pb.GetCaseResponse:
        parts = {name.name: value for name, value in true.ListFields()}
        return pb.GetCaseResponse(**(parts | changes))

    old = {"documents": answer.documents, "entries": answer.entries}
    shorter = {"documents": true.documents[:-1], "entries": true.entries[:-1]}
    for wrong, request in (
        (answer, today),
        (mixed(**shorter), today),
        (true, on_other),
        (mixed(**old), today),
        (mixed(**old, checkpoint=answer.checkpoint), today),
        (mixed(logged=None), today),
        (mixed(documents=[]), today),
        (pb.GetCaseResponse(), today),
    ):
        found = code_of(
            lambda one=wrong, by=request: prove_shown(one, by, desks().bundle, node.now)
        )
        assert found == "LB-4008"


def test_a_request_for_a_case_names_one_subject(node: Registry, shows: CaseShow) -> None:
    case = node.open()
    persons = [SubjectId("person", code) for code in (PERSON, OTHER_PERSON)]
    for subjects, code in (
        ([NORTH, persons[0]], "LB-4107"),
        (persons, "LB-3014"),
        ([NORTH, SubjectId("tax", "T1")], "believed"),
    ):
        request = asked(node, case, *subjects).to_bytes()
        assert code_of(lambda sent=request: shows.show(sent, node.now)) == code


@pytest.fixture
def document(node: Registry, shows: CaseShow) -> dict[str, Any]:
    case = node.take(node.open(), Step.REJECTED)
    answer = shows.show(asked(node, case).to_bytes(), node.now)
    found: dict[str, Any] = json.loads(json.dumps(case_document(answer, desks().bundle)))
    return found


def verified(document: dict[str, Any]) -> str:
    return code_of(lambda: verify_case_document(document, desks().bundle, passed=lambda *_: None))


def test_a_saved_case_has_the_published_form(
    document: dict[str, Any], node: Registry, shows: CaseShow
) -> None:
    repair = node.open(kind=CaseKind.REPAIR, record="S2/2024", fields=())
    answer = shows.show(asked(node, repair).to_bytes(), node.now)
    of_repair = json.loads(json.dumps(case_document(answer, desks().bundle)))
    for found in (document, of_repair):
        VALIDATOR.validate(found)
        assert not VALIDATOR.is_valid(found | {"rest": ""})
        for name in found:
            assert not VALIDATOR.is_valid({key: found[key] for key in found if key != name}), name
    assert not VALIDATOR.is_valid(document | {"state": "repaired"})
    assert not VALIDATOR.is_valid(of_repair | {"fields": ["level"]})
    published = SCHEMA["properties"]
    assert published["kind"]["enum"] == list(CaseKind)
    assert published["state"]["enum"] == list(CaseState)
    assert SCHEMA["$defs"]["Step"]["properties"]["step"]["enum"] == list(Step)


def test_nothing_that_is_altered_in_a_saved_case_verifies(document: dict[str, Any]) -> None:
    assert verified(document) == "believed"
    places = list(_places(document))
    assert len(places) > 40
    for place in places:
        changed = copy.deepcopy(document)
        *way, last = place
        holder: Any = changed
        for part in way:
            holder = holder[part]
        holder[last] = _another(holder[last])
        assert verified(changed).startswith("LB-4"), place
        del holder[last]
        assert verified(changed).startswith("LB-4"), place


def _places(value: Any, *way: str | int) -> Iterator[tuple[str | int, ...]]:
    if way:
        yield way
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(part, *way, key)


def _another(value: object) -> object:
    if isinstance(value, str):
        # In the middle, where every letter of base64 counts.
        middle = len(value) // 2
        return (
            value[:middle]
            + ("B" if value[middle : middle + 1] == "A" else "A")
            + value[middle + 1 :]
        )
    return value + 1 if isinstance(value, int) else None


@dataclass
class Gateway(pb_grpc.RightsServiceServicer):
    """Answers steps as it likes."""

    answer: Callable[[bytes], pb.SubmitStepResponse]

    async def SubmitStep(  # noqa: N802  the contract's name
        self, request: pb.SubmitStepRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.SubmitStepResponse:
        try:
            return self.answer(request.document)
        except LandbridgeError as error:
            await abort(context, error)


@dataclass
class Line:
    """What a command knows of its line to the gateway."""

    channel: grpc.aio.Channel
    bundle: TrustBundle
    folder: Path


@asynccontextmanager
async def line_to(gateway: Gateway, folder: Path) -> AsyncIterator[Line]:
    server = grpc.aio.server()
    pb_grpc.add_RightsServiceServicer_to_server(gateway, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Line(channel, desks().bundle, folder)
    await server.stop(None)


async def test_a_step_that_a_gateway_swallows_is_kept_and_goes_out_again(
    node: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(case_line, "system_clock", lambda: node.now)
    party = tmp_path / "party"
    (tmp_path / "profile.json").write_text("mine")
    sent = SentStep.read(node.opening())
    kept = party / "sent-steps" / f"{sent.case_id}-opened.jws.json"

    gateway = Gateway(lambda _: pb.SubmitStepResponse(case_id=sent.case_id))
    async with line_to(gateway, party) as line:
        swallowed: Any = line
        for lie in (sent.case_id, "ff" * 16, "../../profile", str(tmp_path / "profile"), "a\0b"):
            gateway.answer = lambda _, lie=lie: pb.SubmitStepResponse(case_id=lie, due_at_unix_ms=9)
            with pytest.raises(LandbridgeError, match="LB-4008"):
                await case_line._hand_in(swallowed, sent.document)
            assert kept.read_bytes() == sent.document
            assert kept.stat().st_mode & 0o077 == 0
            assert f"landbridge dispute send {kept}" in capsys.readouterr().err
        assert not (party / "opened-cases").exists()
        assert (tmp_path / "profile.json").read_text() == "mine"

        gateway.answer = lambda document: submitted(node, document)
        told = await case_line._hand_in(swallowed, kept.read_bytes())
        assert (told["case"], told["state"], told["entry"]) == (sent.case_id, "open", 0)
        assert find_opened(party, REGISTRY, CaseKind.DISPUTE, "") == sent.case_id

        refused = SentStep.read(node.opening(record="none"))
        with pytest.raises(LandbridgeError, match="LB-4109"):
            await case_line._hand_in(swallowed, refused.document)
        assert [path.name for path in kept.parent.iterdir()] == [kept.name]

        def away(_: bytes) -> pb.SubmitStepResponse:
            raise refuse(Reason.UNREACHABLE, "away")

        gateway.answer = away
        with pytest.raises(LandbridgeError, match="LB-2001"):
            await case_line._hand_in(swallowed, refused.document)
        assert len(list(kept.parent.iterdir())) == len((kept, refused))
