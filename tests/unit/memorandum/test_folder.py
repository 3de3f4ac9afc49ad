"""What a party takes of its folder of memoranda, and what it tells of the rest."""

from pathlib import Path

import pytest

from landbridge.agency import Role
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.folder import read_memoranda
from landbridge.party import PartyFolder
from tests.market import REGISTER, write_market


@pytest.fixture
def party(tmp_path: Path) -> PartyFolder:
    sandbox = Sandbox(write_market(tmp_path), tmp_path / "home")
    sandbox.prepare()
    return PartyFolder.open(sandbox.state(REGISTER, Role.NODE))


def read(party: PartyFolder, agency: str = REGISTER) -> tuple[list[str], dict[str, Reason]]:
    refused: dict[str, Reason] = {}

    def tell(path: Path, error: LandbridgeError) -> None:
        refused[path.name] = error.reason

    at = party.bundle.issued_at
    found = read_memoranda(party.memoranda, party.bundle, at=at, agency=agency, refused=tell)
    return [memorandum.id for memorandum in found], refused


def document(party: PartyFolder) -> Path:
    return party.memoranda / "stalls-2026.jws.json"


def test_a_signed_memorandum_is_taken(party: PartyFolder) -> None:
    assert read(party) == (["stalls-2026"], {})


def test_one_that_does_not_verify_is_told_and_the_others_stand(party: PartyFolder) -> None:
    broken = party.memoranda / "broken.jws.json"
    broken.write_text(document(party).read_text().replace('"payload": "', '"payload": "e30'))
    found, refused = read(party)
    assert found == ["stalls-2026"]
    assert set(refused) == {"broken.jws.json"}


def test_a_second_document_of_one_id_is_refused(party: PartyFolder) -> None:
    (party.memoranda / "zz-copy.jws.json").write_bytes(document(party).read_bytes())
    assert read(party) == (["stalls-2026"], {"zz-copy.jws.json": Reason.MALFORMED_MEMORANDUM})


def test_a_memorandum_of_others_is_refused(party: PartyFolder) -> None:
    found, refused = read(party, "stranger")
    assert found == []
    assert refused == {"stalls-2026.jws.json": Reason.SIGNERS_NOT_PARTIES}
