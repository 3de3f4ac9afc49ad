"""federation.toml: what it gives, and how its mistakes are told."""

import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import toml_rs

from landbridge.agency import Role
from landbridge.configuration import json_schema
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation, Limits
from landbridge.federation_file import FederationFile
from landbridge.subject import SubjectId, SubjectKind

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "federation.schema.json"
TEXT = r"""
[federation]
name = "institutions.example"
title = "Institutions"
[gateway]
agency = "exchange"
name = "main"
[agencies."nces.ed"]
title = "Statistics"
roles = ["node"]
[agencies."board.ny"]
title = "Board"
roles = ["node", "requester"]
[schemes.us-ope-id]
title = "OPE id"
subject_kind = "legal-entity"
read = ["strip", "unquote", "pad 8"]
pattern = '\d{8}'
[schemes.us-ope-id.spellings]
base-unpadded = ["first 6", "unpad"]
[schemes.us-ein]
title = "Tax number"
subject_kind = "legal-entity"
group = true
stdnum = "us.ein"
[purposes.approval-review]
title = "Review"
dpv = "dpv:LegalCompliance"
[purposes.audit]
title = "Audit"
[terms.institution-name]
title = "Name"
compare = "letters"
authoritative = "nces.ed"
[terms.status]
title = "Status"
authoritative = "board.ny/institutions"
[terms.city]
title = "City"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "federation.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def federation(path: Path) -> Federation:
    return Federation.load(path)


def test_members_and_gateway(federation: Federation) -> None:
    assert federation.name == "institutions.example"
    assert federation.title == "Institutions"
    assert (federation.gateway.agency, federation.gateway.name) == ("exchange", "main")
    assert list(federation.agencies) == ["nces.ed", "board.ny"]
    assert federation.agencies["board.ny"].roles == {Role.NODE, Role.REQUESTER}


def test_schemes_work_as_configured(federation: Federation) -> None:
    assert federation.schemes.parse('us-ope-id:"100500"') == SubjectId("us-ope-id", "00100500")
    scheme = federation.schemes["us-ope-id"]
    assert scheme.spell("00100500", "base-unpadded") == "1005"
    assert scheme.subject_kind is SubjectKind.LEGAL_ENTITY
    assert federation.schemes["us-ein"].group
    assert federation.schemes.parse("us-ein:36-2062311").value == "362062311"


def test_purposes(federation: Federation) -> None:
    assert federation.check_purpose("approval-review") == "approval-review"
    assert federation.purposes["approval-review"].dpv == "dpv:LegalCompliance"
    assert federation.purposes["audit"].dpv == ""
    with pytest.raises(LandbridgeError, match=r"did you mean 'approval-review'\?") as caught:
        federation.check_purpose("aproval-review")
    assert caught.value.code == "LB-1005"


def test_terms_compare_letters_or_exactly(federation: Federation) -> None:
    name, city = federation.terms["institution-name"], federation.terms["city"]
    assert name.normalise("Globe University-Woodbury") == name.normalise(
        "GLOBE UNIVERSITY WOODBURY"
    )
    assert name.normalise("Globe University") != name.normalise("Globe University-Woodbury")
    assert name.normalise("Ri\u0301o") == name.normalise("R\u00cdO")
    assert name.normalise("--") == "--"
    assert city.normalise("Rio") != city.normalise("RIO")


def test_authoritative_source_is_an_agency_or_one_dataset(federation: Federation) -> None:
    name, status, city = (federation.terms[t] for t in ("institution-name", "status", "city"))
    assert name.is_authoritative("nces.ed", "any")
    assert not name.is_authoritative("board.ny", "any")
    assert status.is_authoritative("board.ny", "institutions")
    assert not status.is_authoritative("board.ny", "other")
    assert not city.is_authoritative("", "")


def test_limits_have_defaults(path: Path) -> None:
    assert Federation.load(path).limits == Limits(20, 3, 500, 300, 30)
    path.write_text(TEXT + "[limits]\nmax_links = 5\n")
    assert Federation.load(path).limits == Limits(5, 3, 500, 300, 30)


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ('"institutions.example"', '"Institutions"', "3:8: 'Institutions' is not a trust domain"),
        ('"exchange"', '"nces.ed"', "8:1: 'nces.ed' runs the gateway and is not listed again"),
        ('"exchange"', '"Ex"', "6:10: 'Ex' is not an agency id"),
        ('"main"', '"a.b"', "7:8: 'a.b' is not a name of a gateway"),
        ('"nces.ed"]', '"NCES"]', "8:1: 'NCES' is not an agency id"),
        ('["node"]', '["nod"]', "10:10: 'nod' is not one of node, requester; did you mean 'node'?"),
        ('["node"]', "[]", "10:9: "),
        ("subject_kind", "subject_knd", "16:1: unknown key 'subject_knd'; did you mean"),
        ('"unquote"', '"unqoute"', "17:18: 'unqoute' is not a step; did you mean 'unquote'?"),
        (r"'\d{8}'", "'('", "18:11: '(' is not a regular expression"),
        ("base-unpadded", "plain", "20:1: 'plain' is the normal form itself"),
        ('"us.ein"', '"us.x"', "25:10: 'us.x' is not a number module"),
        ("us-ein]", "usEin]", "21:1: 'usEin' is not a name for an identifier scheme"),
        ("dpv:", "dpw:", "28:7: 'dpw:LegalCompliance' is not a term of DPV"),
        ("purposes.audit", '"purposes"."an audit"', "29:1: 'an audit' does not serve as a name"),
        ('"letters"', '"letter"', "33:11: 'letter' is not one of exact, letters; did you mean"),
        (
            'tive = "nces.ed"',
            'tive = "nces.de"',
            "34:17: 'nces.de' is neither an agency with a node nor one of its datasets; did you",
        ),
        ("board.ny/institutions", "board.ny/", "37:17: 'board.ny/' is neither an agency"),
    ],
)
def test_mistakes_are_placed(path: Path, right: str, wrong: str, expected: str) -> None:
    assert TEXT.count(right) >= 1
    path.write_text(TEXT.replace(right, wrong, 1))
    with pytest.raises(LandbridgeError) as caught:
        Federation.load(path)
    assert caught.value.code == "LB-1101"
    assert f"{path}:{expected}" in caught.value.message


@pytest.mark.parametrize("limit", ["max_links = 0", "max_rounds = 11", "clock_skew_s = -1"])
def test_limits_are_limited(path: Path, limit: str) -> None:
    path.write_text(f"{TEXT}[limits]\n{limit}\n")
    with pytest.raises(LandbridgeError, match="it should be"):
        Federation.load(path)


LAW = '[jurisdictions.law]\ntitle = "Law"\nsource = "Act 1"\n'


def test_a_jurisdiction_says_how_long_something_may_take(path: Path) -> None:
    more = 'working_days = 20\nrepair_within = "P1M"\nreminders = ["P5D"]\n'
    path.write_text(TEXT + LAW + more + "holidays = [2026-12-25]\n")

    law = Federation.load(path).jurisdictions["law"]

    assert (law.dispute.working_days, law.dispute.within) == (20, None)
    assert str(law.repair.within) == "P1M"
    assert [str(each) for each in law.reminders] == ["P5D"]
    assert law.holidays == {date(2026, 12, 25)}
    assert (law.time_zone, law.statement_stays, law.extension) == ("UTC", False, None)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", "give either `answer_within` or `working_days`"),
        ('answer_within = "P1D"\nworking_days = 3', "give either `answer_within` or"),
        ('answer_within = "30 days"', "'30 days' is not a length of calendar time"),
        ('answer_within = "P30D"\ntime_zone = "Mars"', "'Mars' is not a time zone"),
        ('answer_within = "P30D"\nreminders = ["P0D"]', "'P0D' is not a length"),
        (
            'working_days = 3\nrepair_within = "P1D"\nrepair_working_days = 3',
            "`repair_within` says it already",
        ),
        ("working_days = 0", "it should be"),
    ],
)
def test_a_wrong_jurisdiction_is_placed(path: Path, keys: str, expected: str) -> None:
    path.write_text(f"{TEXT}{LAW}{keys}\n")
    with pytest.raises(LandbridgeError) as caught:
        Federation.load(path)
    assert expected in caught.value.message


def test_published_schema_is_up_to_date() -> None:
    assert SCHEMA.read_text() == json_schema(FederationFile), "run docs/schemas/make.py"


def test_published_schema_accepts_what_is_accepted_and_no_unknown_key() -> None:
    published = json.loads(SCHEMA.read_text())
    jsonschema.validators.validator_for(published).check_schema(published)
    jsonschema.validate(toml_rs.loads(TEXT), published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(toml_rs.loads(TEXT.replace("title", "titel")), published)
