"""`landbridge node report`: what an agency's own key signed, and nothing else, is believed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from certs.federation import FederationPki, PartyPlan, create_federation
from landbridge.agency import Role
from landbridge.clock import system_clock
from landbridge.commands.main import run
from landbridge.keys import KeyUse, SigningKey
from node.conformance.report import Report, sign_report
from node.conformance.verdict import Outcome, Verdict

Write = Callable[[SigningKey | None, Verdict], Path]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def pki(tmp_path: Path) -> FederationPki:
    uses = (KeyUse.LOG, KeyUse.MEMORANDUM)
    plans = [PartyPlan("registry", Role.NODE, "Registry", uses)]
    plans.append(PartyPlan("court", Role.NODE, "Court", uses))
    made = create_federation(tmp_path / "parties", "town.example", plans)
    (tmp_path / "bundle.json").write_bytes(made.publish().document)
    return made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_report(key: SigningKey | None, verdict: Verdict) -> Path:
        now = system_clock()
        report = Report(
            agency="registry",
            federation="town.example",
            configuration="0" * 64,
            datasets=("companies",),
            untried=(),
            started_at=now,
            ended_at=now,
            outcomes=(Outcome("fields", "which fields leave", verdict, "as granted"),),
        )
        path = tmp_path / "report.jws.json"
        path.write_bytes(sign_report(report, key).to_bytes())
        return path

    return write_report


def key_of(pki: FederationPki, agency: str) -> SigningKey:
    (party,) = (each for each in pki.parties.values() if each.identity.agency == agency)
    return party.keys[KeyUse.MEMORANDUM]


def shown(path: Path) -> int:
    return run(["node", "report", str(path), "--bundle", str(path.with_name("bundle.json"))])


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.PASS, 0), (Verdict.FAIL, 1)])
def test_a_report_of_the_agency_is_shown(
    pki: FederationPki, write: Write, capsys: Captured, verdict: Verdict, code: int
) -> None:
    assert shown(write(key_of(pki, "registry"), verdict)) == code
    printed = capsys.readouterr()
    assert printed.out == f"[{verdict}] fields: as granted\n"
    assert "signed by registry" in printed.err


@pytest.mark.usefixtures("pki")
def test_a_throw_away_key_says_nothing_to_others(write: Write, capsys: Captured) -> None:
    assert shown(write(None, Verdict.PASS)) == 4
    assert "LB-4002" in capsys.readouterr().err


def test_a_changed_report_is_refused(pki: FederationPki, write: Write, capsys: Captured) -> None:
    path = write(key_of(pki, "registry"), Verdict.PASS)
    document = path.read_bytes()
    at = document.index(b'"payload": "') + 40
    path.write_bytes(document[:at] + bytes([document[at] ^ 1]) + document[at + 1 :])
    assert shown(path) in {2, 4}
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("pki")
def test_another_document_is_no_report(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "report.jws.json"
    path.write_text("{}")
    assert shown(path) == 2
    assert "LB-1106" in capsys.readouterr().err
