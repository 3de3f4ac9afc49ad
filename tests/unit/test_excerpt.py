"""The excerpt holds every quirk of the registers, in their own bytes, and is no copy of them."""

import csv
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.canonical import EMPTY, UNREADABLE, expected
from tests.e2e.oracle import Oracle
from tests.e2e.registers import DAPIP, EIN, FACILITY, OPE, REGISTERS, UNITID, Register
from tests.example import EXAMPLE, EXCERPT, whole

ROWS_OF_THE_WHOLE = {
    "hd2014.csv": 7687,
    "hcm_2015-12-01.csv": 540,
    "hcm_2016-12-01.csv": 538,
    "hcm_2019-06.csv": 526,
    "peps300_fy2016.csv": 4811,
    "InstituteCampuses.csv": 7395,
    "AccreditationRecords.csv": 8699,
    "AccreditationActions.csv": 9537,
    "scorecard.csv": 7175,
    "participating_institutions.csv": 17366,
    "crosswalk.csv": 11696,
    "p911_tuition_fees.csv": 5546,
    "settlements_2017-03.csv": 969,
    "va_caution_flag_2021-02.csv": 227,
    "school_closure_2018-06.csv": 154,
    "sec702_school.csv": 88,
}


def read(register: Register, folder: Path = EXCERPT) -> tuple[list[str], list[list[str]]]:
    with (folder / register.path).open(encoding=register.encoding, newline="") as file:
        for _ in range(register.header_line - 1):
            file.readline()
        header, *rows = csv.reader(file)
    return header, rows


TABLES = {register.file: read(register) for register in REGISTERS}


def column(file: str, name: str) -> list[str]:
    header, rows = TABLES[file]
    position = header.index(name)
    return [row[position] for row in rows]


def rows(file: str) -> list[Mapping[str, str]]:
    header, found = TABLES[file]
    return [dict(zip(header, row, strict=True)) for row in found]


def fields() -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Every field of every dataset of the example, with the file that it is read from."""
    for path in sorted(EXAMPLE.glob("agencies/*/node.toml")):
        node = tomllib.loads(path.read_text())
        files = {file["table"]: Path(file["path"]).name for file in node["files"]}
        for dataset in node["datasets"]:
            for field in dataset["fields"]:
                yield f"{path.parent.name}/{dataset['name']}", files[dataset["table"]], field


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.file)
def test_it_is_an_excerpt_and_no_copy(register: Register) -> None:
    header, found = TABLES[register.file]
    assert 0 < len(found) < ROWS_OF_THE_WHOLE[register.file]
    folder = whole()
    if folder:
        whole_header, whole_rows = read(register, folder)
        assert len(whole_rows) == ROWS_OF_THE_WHOLE[register.file]
        assert header == whole_header
        assert not Counter(map(tuple, found)) - Counter(map(tuple, whole_rows))


def test_every_column_that_a_node_reads_is_there() -> None:
    for _, file, field in fields():
        assert field["column"] in TABLES[file][0]


def test_only_the_known_oddities_cannot_be_read() -> None:
    odd = set()
    for dataset, file, field in fields():
        for cell in column(file, field["column"]):
            value, quality = expected(field, cell)
            assert not (isinstance(value, list) and None in value), (dataset, cell)
            if quality == UNREADABLE:
                odd.add((dataset, field["name"], cell))
    assert odd == {
        ("nces.ed/institutions", "closed_on", "14-May"),
        ("nces.ed/institutions", "closed_on", "2014"),
        ("nces.ed/institutions", "ein", "25721"),
        ("ope.ed/institutions", "ope_id", "0"),
        ("va/crosswalk", "facility_code", "XX"),
        ("va/crosswalk", "unitid", "XX"),
    }


def test_most_fields_hold_values() -> None:
    """A column that is empty throughout is so in the whole records, or has too few rows here."""
    empty = {
        f"{dataset} {field['name']}"
        for dataset, file, field in fields()
        if all(expected(field, cell)[1] == EMPTY for cell in column(file, field["column"]))
    }
    assert empty == {
        "fsa.ed/cash-monitoring-2019 country",
        "ope.ed/institutions parent_name",
        "ope.ed/institutions parent_dapip_id",
        "ope.ed/actions ended_on",
    }


CELLS: list[tuple[str, str, str]] = [
    # Dates
    ("hd2014.csv", "CLOSEDAT", r"08/25/2014"),
    ("hd2014.csv", "CLOSEDAT", r"14-May"),
    ("participating_institutions.csv", "Approval Date", r"\d\d/\d\d/\d{4} \d:\d\d"),
    ("AccreditationRecords.csv", "ReviewDate", r"04-26-2025"),
    ("school_closure_2018-06.csv", "school closing date", r"9/6/16"),
    ("va_caution_flag_2021-02.csv", "school closing date", r"\d\d/\d\d/\d{4}"),
    ("settlements_2017-03.csv", "settlement_date", r"12/07/16, 12/12/16"),
    ("settlements_2017-03.csv", "settlement_date", r"\d\d/\d\d/\d{4}"),
    ("InstituteCampuses.csv", "UpdateDate", r"1/1/1900 12:00:00 AM"),
    ("crosswalk.csv", "notes", r"2015_12_02.*"),
    ("crosswalk.csv", "notes", r"updated 2015-05-10"),
    ("crosswalk.csv", "notes", r"Updated 2015-07-67"),
    # Signs for empty
    ("hd2014.csv", "EIN", r"-1"),
    ("hd2014.csv", "OPEID", r"-2"),
    ("hd2014.csv", "CONTROL", r"-3"),
    ("hd2014.csv", "IALIAS", r" "),
    ("participating_institutions.csv", "Status", r" "),
    ("InstituteCampuses.csv", "ParentName", r"-"),
    ("InstituteCampuses.csv", "OpeId", r"-2"),
    ("crosswalk.csv", "ipeds", r"NONE"),
    ("crosswalk.csv", "ope", r"NONE"),
    ("peps300_fy2016.csv", "Name", r"[A-Z' &-]+ {10,}"),
    # Identifiers
    ("hcm_2015-12-01.csv", "OPE ID", r"100500"),
    ("hcm_2016-12-01.csv", "OPE ID", r"00100500"),
    ("hcm_2019-06.csv", "ope id", r'"00100500"'),
    ("peps300_fy2016.csv", "OPEID", r"1005"),
    ("scorecard.csv", "opeid", r'"00100500"'),
    ("scorecard.csv", "opeid6", r"01005"),
    ("scorecard.csv", "unitid", r"\d{8}"),
    ("InstituteCampuses.csv", "OpeId", r"666800"),
    ("InstituteCampuses.csv", "IpedsUnitIds", r"217235, 460349"),
    ("crosswalk.csv", "ope", r'"002484A1"'),
    ("crosswalk.csv", "ipeds", r"VAONLY001"),
    ("crosswalk.csv", "facility code", r"\d{3}[A-Z]\d{4}"),
    ("crosswalk.csv", "facility code", r"XX"),
    ("va_caution_flag_2021-02.csv", "id", r"\d\d[A-Z]\d{5}"),
    ("settlements_2017-03.csv", "UNITID", r"VAONLY001"),
    ("hd2014.csv", "EIN", r"[1-9]\d{7}"),
    ("hd2014.csv", "EIN", r"\d{5}"),
    # Money, numbers, letters, names, codes
    ("p911_tuition_fees.csv", "Tuition and Fees Cost", r"\$\d{1,3}(,\d{3})+\.\d\d "),
    ("p911_tuition_fees.csv", " Number of payments ", r"\d,\d{3}"),
    ("p911_tuition_fees.csv", "State", r"Rhodes Island"),
    ("hcm_2015-12-01.csv", "City", r"RÕo Piedras"),
    ("hcm_2015-12-01.csv", "Institution Name", r"Universidad CatÑlica Nordestana"),
    ("peps300_fy2016.csv", "Name", r"UNIVERSIDAD CATóLICA NORDESTANA +"),
    ("participating_institutions.csv", "Status", r"Probation - DoD"),
    ("participating_institutions.csv", "Status", r"Title IV Non-Compliant"),
    *(("hd2014.csv", "ACT", f"{status} ") for status in "ANRMCDG"),
    ("sec702_school.csv", "Section_702", r"Yes"),
    ("va_caution_flag_2021-02.csv", "school system name", r"301\d{3}"),
]


@pytest.mark.parametrize(("file", "name", "form"), CELLS)
def test_a_quirk_of_a_cell_occurs(file: str, name: str, form: str) -> None:
    assert any(re.fullmatch(form, cell) for cell in column(file, name))


BYTES: list[tuple[str, Callable[[bytes], bool]]] = [
    ("hcm_2015-12-01.csv", lambda data: data.startswith(b"Institutions on HCM1 or HCM2")),
    ("hcm_2016-12-01.csv", lambda data: data.splitlines()[2].startswith(b"OPE ID,")),
    ("participating_institutions.csv", lambda data: data.splitlines()[1].startswith(b"OPE ID,")),
    ("peps300_fy2016.csv", lambda data: data.startswith(b"\xef\xbb\xbf") and b"\r\n" in data),
    ("peps300_fy2016.csv", lambda data: b'"\nNum 1"' in data),
    ("p911_tuition_fees.csv", lambda data: b", Number of trainees ," in data),
    ("hcm_2019-06.csv", lambda data: b'"""00100500"""' in data),
    ("hd2014.csv", lambda data: "Juana Díaz".encode("cp1252") in data),
    ("crosswalk.csv", lambda data: "Hochschule für Technik".encode("cp1252") in data),
    ("settlements_2017-03.csv", lambda data: "\u2013Richmond".encode("cp1252") in data),
    ("participating_institutions.csv", lambda data: "Bayamón".encode("cp1252") in data),
]


@pytest.mark.parametrize(("file", "occurs"), BYTES)
def test_a_quirk_of_a_file_occurs(file: str, occurs: Callable[[bytes], bool]) -> None:
    assert occurs(next(EXCERPT.glob(f"*/{file}")).read_bytes())


def test_two_date_forms_stand_in_one_row() -> None:
    assert any(
        re.fullmatch(r"\d+/\d+/\d{4} 12:00:00 AM", row["AccreditationDate"])
        and re.fullmatch(r"\d\d/\d\d/\d{4}", row["ReviewDate"])
        for row in rows("AccreditationRecords.csv")
    )


def test_identifiers_are_one_to_many_and_bridges_disagree() -> None:
    oracle = Oracle(EXCERPT)
    assert {
        scheme: len([id_ for id_ in oracle.linked(OPE, "00732900") if id_[0] == scheme])
        for scheme in (UNITID, FACILITY)
    } == {UNITID: 2, FACILITY: 2}
    assert len([id_ for id_ in oracle.linked(UNITID, "104090") if id_[0] == DAPIP]) == 2
    assert len([id_ for id_ in oracle.linked(EIN, "362061311") if id_[0] == UNITID]) >= 3
    assert {id_ for id_ in oracle.linked(UNITID, "429012") if id_[0] == OPE} == {
        (OPE, "03139600"),
        (OPE, "04157100"),
    }


def test_registers_contradict_each_other() -> None:
    on_list = {row["ope id"]: row for row in rows("hcm_2019-06.csv")}
    scorecard = {row["unitid"]: row for row in rows("scorecard.csv")}
    for unitid in ("131520", "140720"):
        row = scorecard[unitid]
        assert row["hcm2"] == "0"
        assert on_list[row["opeid"]]["stop pay/monitor method"] == "HCM - Cash Monitoring 2"
    assert scorecard["123633"]["hcm2"] == "1"
    assert scorecard["123633"]["opeid"] not in on_list
    statuses = {row["UNITID"]: row["ACT"] for row in rows("hd2014.csv")}
    assert (statuses["483230"], scorecard["483230"]["curroper"]) == ("N ", "1")
    names = {row["OPEID"]: row["Name"].strip() for row in rows("peps300_fy2016.csv")}
    assert names["30650"] == "PAUL MITCHELL THE SCHOOL RICHLAND"


def test_every_institution_of_the_demo_is_in_many_registers() -> None:
    oracle = Oracle(EXCERPT)
    demo = "100654 100724 131520 140720 151519 173629 217235 439570 439792 455169"
    for unitid in demo.split():
        agencies = {record.agency for record in oracle.records(UNITID, unitid)}
        assert len(agencies) >= 4, unitid
    assert 40 <= len(oracle.unitids) <= 50
