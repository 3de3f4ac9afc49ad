"""`landbridge consent`: given, bound, shown, verified and revoked, from files alone."""

import json
import subprocess
from pathlib import Path

import pytest

from certs.federation import FederationPki, create_federation
from landbridge.agency import Role
from landbridge.commands.main import run
from landbridge.commands.sandbox_pki import find_desks, plan_parties
from landbridge.federation import Federation
from landbridge.keys import KeyUse
from landbridge.memorandum.document import Memorandum
from tests.example import ROOT
from tests.persons import SCHEME, invent

EXAMPLE = ROOT / "examples/teachers"
PERSON, OTHER = invent(2, seed=19)
SUBJECT = f"{SCHEME}:{PERSON.number}"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> FederationPki:
    federation = Federation.load(EXAMPLE / "federation.toml")
    plans = plan_parties(federation, find_desks(EXAMPLE))
    return create_federation(tmp_path_factory.mktemp("parties"), federation.name, plans)


@pytest.fixture
def desk(pki: FederationPki) -> Path:
    return pki.state("citizen-desk", Role.REQUESTER) / "keys/consent.key"


@pytest.fixture
def trust(pki: FederationPki) -> Path:
    return pki.state("tammiku-school", Role.REQUESTER) / "trust-bundle.json"


def give(out: Path, *signer: str, subject: str = SUBJECT, **options: str) -> int:
    usual = {
        "requester": "tammiku-school",
        "purpose": "hiring-check",
        "dataset": "licensing.edu/licences",
        "until": "2199-01-01",
        "notice": "The school may see the licence",
        "federation": str(EXAMPLE),
        "out": str(out),
    } | options
    words = [word for name, value in usual.items() for word in (f"--{name}", value)]
    return run(["consent", "give", subject, *words, *signer])


def person_key(folder: Path, *algorithm: str) -> tuple[Path, Path]:
    """Make a key of the person's own, as docs/persons.md says."""
    private, public = folder / "person.pem", folder / "person.pub.pem"
    make = ["openssl", "genpkey", "-algorithm", *algorithm, "-out", str(private)]
    subprocess.run(make, check=True, capture_output=True)
    private.chmod(0o600)
    show = ["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)]
    subprocess.run(show, check=True, capture_output=True)
    return private, public


def test_only_the_desks_of_the_memoranda_get_a_key_for_consent(pki: FederationPki) -> None:
    holders = {
        identity.agency for identity, party in pki.parties.items() if KeyUse.CONSENT in party.keys
    }
    assert holders == {"citizen-desk"}


def test_a_desk_gives_shows_verifies_and_revokes(
    desk: Path, trust: Path, tmp_path: Path, capsys: Captured
) -> None:
    record, ended = tmp_path / "consent.jws.json", tmp_path / "ended.jws.json"
    assert give(record, "--key", str(desk)) == 0
    said = capsys.readouterr().out
    assert f"The person {SUBJECT} lets tammiku-school see" in said
    assert "licensing.edu/licences" in said
    assert record.stat().st_mode & 0o077 == 0, "it names a person"
    assert run(["consent", "show", str(record)]) == 0
    assert "Signed by the consent desk citizen-desk." in capsys.readouterr().out
    verify = ["consent", "verify", str(record), "--bundle", str(trust)]
    assert run(verify) == 0
    assert "citizen-desk vouches for it" in capsys.readouterr().out
    assert run(["consent", "revoke", str(record), "--key", str(desk), "--out", str(ended)]) == 0
    assert "licensing.edu" in capsys.readouterr().err
    assert PERSON.number.encode() not in ended.read_bytes()
    assert run([*verify, "--revocation", str(ended)]) == 4
    assert "LB-3013" in capsys.readouterr().err


@pytest.mark.parametrize("algorithm", [("ed25519",), ("EC", "-pkeyopt", "ec_paramgen_curve:P-256")])
def test_a_person_signs_with_a_key_of_openssl(
    algorithm: tuple[str, ...], desk: Path, trust: Path, tmp_path: Path, capsys: Captured
) -> None:
    private, public = person_key(tmp_path, *algorithm)
    binding, record = tmp_path / "binding.json", tmp_path / "consent.jws.json"
    bind = ["consent", "bind", SUBJECT, "--public", str(public), "--until", "2100-01-01"]
    own = ["--federation", str(EXAMPLE), "--out", str(binding)]
    assert run([*bind, "--key", str(desk), *own]) == 0
    signer = ["--person-key", str(private), "--binding", str(binding)]
    assert give(record, *signer) == 0
    assert run(["consent", "verify", str(record), "--bundle", str(trust)]) == 0
    ended = tmp_path / "ended.jws.json"
    revoke = ["consent", "revoke", str(record), "--person-key", str(private)]
    assert run([*revoke, "--out", str(ended), "-o", "json"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told[told.rindex("\n{") :])["agencies"] == ["tammiku-school", "licensing.edu"]
    verify = ["consent", "verify", str(record), "--bundle", str(trust)]
    assert run([*verify, "--revocation", str(ended)]) == 4
    assert give(tmp_path / "x", *signer[:2]) == 2
    assert "nobody says whose key this is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subject": "ee-isikukood:77010100000"}, "LB-1004"),
        ({"subject": f"ee-ikood:{PERSON.number}"}, "LB-1002"),
        ({"purpose": "curiosity"}, "LB-1005"),
        ({"requester": "tamiku-school"}, "did you mean 'tammiku-school'"),
        ({"dataset": "licences"}, "no agency"),
        ({"until": "next year"}, "--until"),
        ({"until": "2001-01-01"}, "events[0].valid_until"),
        ({"notice": " "}, "privacy_notice"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(
    options: dict[str, str], message: str, desk: Path, tmp_path: Path, capsys: Captured
) -> None:
    out = tmp_path / "consent.jws.json"
    assert give(out, "--key", str(desk), **options) != 0
    said = capsys.readouterr().err
    assert message in said
    assert PERSON.number not in said
    assert not out.exists()


def test_nothing_is_written_over_and_one_signs(
    desk: Path, tmp_path: Path, capsys: Captured
) -> None:
    out = tmp_path / "consent.jws.json"
    out.write_text("kept")
    assert give(out, "--key", str(desk)) == 2
    assert out.read_text() == "kept"
    assert give(tmp_path / "x") == 2
    assert "who signs" in capsys.readouterr().err


def test_a_key_of_another_use_or_of_no_kind_is_refused(
    pki: FederationPki, tmp_path: Path, capsys: Captured
) -> None:
    seal = pki.state("tammiku-school", Role.REQUESTER) / "keys/memorandum.key"
    assert give(tmp_path / "x", "--key", str(seal)) == 4
    assert "LB-4002" in capsys.readouterr().err
    private, _ = person_key(tmp_path, "RSA")
    assert give(tmp_path / "x", "--person-key", str(private), "--binding", str(private)) == 1
    assert "openssl genpkey" in capsys.readouterr().err
    exposed, _ = person_key(tmp_path, "ed25519")
    exposed.chmod(0o644)
    assert give(tmp_path / "x", "--person-key", str(exposed), "--binding", str(exposed)) == 4
    assert "LB-4011" in capsys.readouterr().err


def test_a_revocation_in_the_folder_of_a_party_that_does_not_run(
    desk: Path, tmp_path: Path, capsys: Captured
) -> None:
    record = tmp_path / "consent.jws.json"
    assert give(record, "--key", str(desk)) == 0
    state = tmp_path / "state"
    assert run(["consent", "revoke", str(record), "--key", str(desk), "--state", str(state)]) == 0
    said = capsys.readouterr()
    assert "no process has noticed it" in said.err
    assert len(list((state / "consents").glob("*.jws.json"))) == 1


def test_files_that_are_no_consent(tmp_path: Path, trust: Path, capsys: Captured) -> None:
    for content in (b"", b"{}", b"[" * 9999, b"\x00" * 99_999):
        path = tmp_path / "wrong.jws.json"
        path.write_bytes(content)
        for command in (["show"], ["revoke", "--key", "x"], ["verify", "--bundle", str(trust)]):
            assert run(["consent", *command, str(path)]) == 4
            said = capsys.readouterr().err
            assert "LB-4105" in said
            assert str(path) in said
    assert run(["consent", "show", str(tmp_path / "none")]) == 2
    assert run(["consent", "bind", SUBJECT, "--public", str(trust), "--key", str(trust)]) == 2


def test_an_organisation_s_key_is_bound_too_and_consents_to_nothing(
    desk: Path, tmp_path: Path, capsys: Captured
) -> None:
    private, public = person_key(tmp_path, "ed25519")
    binding = tmp_path / "organisation.json"
    bind = ["consent", "bind", "us-ein:050306206", "--public", str(public), "--key", str(desk)]
    institutions = ["--federation", str(ROOT / "examples/institutions")]
    assert run([*bind, "--until", "2100-01-01", *institutions, "--out", str(binding)]) == 0
    terms = ["--requester", "board.ny", "--purpose", "approval-review", "--notice", "None"]
    terms += ["--dataset", "nces.ed/institutions", "--until", "2100-01-01", *institutions]
    signer = ["--person-key", str(private), "--binding", str(binding)]
    capsys.readouterr()
    assert run(["consent", "give", "us-ein:050306206", *terms, *signer]) == 4
    assert "only persons consent" in capsys.readouterr().err


def test_what_is_no_binding_is_refused(tmp_path: Path, capsys: Captured) -> None:
    person_key(tmp_path, "ed25519")
    garbage = tmp_path / "binding.json"
    garbage.write_text('{"binding": {}, "salt": "5"}')
    private = tmp_path / "person.pem"
    signer = ["--person-key", str(private), "--binding", str(garbage)]
    assert give(tmp_path / "x", *signer) == 4
    assert "not a key binding" in capsys.readouterr().err


def test_the_sandbox_signs_for_desks_that_a_memorandum_names() -> None:
    (path,) = (EXAMPLE / "memoranda").glob("*.yaml")
    assert find_desks(EXAMPLE) == set(Memorandum.from_yaml(path).consent_desks) == {"citizen-desk"}
    assert find_desks(ROOT / "examples/institutions") == frozenset()


@pytest.mark.parametrize("kept", ["desk", "record"])
def test_a_revocation_is_written_over_nothing_else(
    desk: Path, tmp_path: Path, capsys: Captured, kept: str
) -> None:
    record = tmp_path / "consent.jws.json"
    assert give(record, "--key", str(desk)) == 0
    target = {"desk": desk, "record": record}[kept]
    before = target.read_bytes()
    assert run(["consent", "revoke", str(record), "--key", str(desk), "--out", str(target)]) == 2
    assert "LB-1106" in capsys.readouterr().err
    assert target.read_bytes() == before
    ended = tmp_path / "ended.jws.json"
    for _ in range(2):
        assert run(["consent", "revoke", str(record), "--key", str(desk), "--out", str(ended)]) == 0
