"""The example's sixteen native files and their keys, written down a second time.

Nothing is taken from the node.toml files, so that a mistake in one of them cannot hide here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

UNITID, OPE, EIN = "us-ipeds-unitid", "us-ope-id", "us-ein"
FACILITY, DAPIP = "us-va-facility-code", "us-dapip-id"

Read = Callable[[str], list[str]]
"""Reads a key's cell as identifiers in their normal form."""


def _fitting(pattern: str, width: int = 0) -> Read:
    form = re.compile(pattern)

    def read(cell: str) -> list[str]:
        items = (item.strip().strip('"').upper() for item in cell.split(","))
        return [item.zfill(width) for item in items if item and form.fullmatch(item.zfill(width))]

    return read


_unitids = _fitting(r"\d{6}|\d{8}|VAONLY\d{3}")
_opes = _fitting(r"(?!0{6})\d{6}[0-9A-Z]\d", 8)
_bases = _fitting(r"\d{6}", 6)
_facilities = _fitting(r"\d\d[0-9A-Z]{2}\d{4}")
_dapip_ids = _fitting(r"\d{6}")
_eins = _fitting(r"\d{9}", 9)


@dataclass(frozen=True)
class Key:
    """A column that names the institution of a row. A base is the first six digits of an OPE id."""

    scheme: str
    column: str
    read: Read
    base: bool = False


@dataclass(frozen=True)
class Register:
    """A file and its keys, the most exact first."""

    agency: str
    dataset: str
    path: str
    keys: tuple[Key, ...]
    encoding: str = "utf-8"
    header_line: int = 1
    links: bool = False

    @property
    def file(self) -> str:
        return Path(self.path).name


_FSA = (Key(OPE, "OPE ID", _opes),)
_BY_DAPIP = (Key(DAPIP, "DapipId", _dapip_ids),)
_FSA_FOLDER, _OPE_FOLDER, _VA = "ed_fsa_cash_monitoring", "ed_ope_dapip", "va_gi_bill"

REGISTERS = (
    Register(
        "nces.ed",
        "institutions",
        "ed_nces_ipeds/hd2014.csv",
        (Key(UNITID, "UNITID", _unitids), Key(OPE, "OPEID", _opes), Key(EIN, "EIN", _eins)),
        "cp1252",
        links=True,
    ),
    Register(
        "fsa.ed", "cash-monitoring-2015", f"{_FSA_FOLDER}/hcm_2015-12-01.csv", _FSA, "latin-1", 3
    ),
    Register(
        "fsa.ed", "cash-monitoring-2016", f"{_FSA_FOLDER}/hcm_2016-12-01.csv", _FSA, header_line=3
    ),
    Register(
        "fsa.ed",
        "cash-monitoring-2019",
        f"{_FSA_FOLDER}/hcm_2019-06.csv",
        (Key(OPE, "ope id", _opes),),
    ),
    Register(
        "cdr.ed",
        "default-rates",
        "ed_fsa_default_rates/peps300_fy2016.csv",
        (Key(OPE, "OPEID", _bases, base=True),),
        "utf-8-sig",
    ),
    Register(
        "ope.ed",
        "institutions",
        f"{_OPE_FOLDER}/InstituteCampuses.csv",
        (*_BY_DAPIP, Key(UNITID, "IpedsUnitIds", _unitids), Key(OPE, "OpeId", _opes)),
        links=True,
    ),
    Register("ope.ed", "accreditations", f"{_OPE_FOLDER}/AccreditationRecords.csv", _BY_DAPIP),
    Register("ope.ed", "actions", f"{_OPE_FOLDER}/AccreditationActions.csv", _BY_DAPIP),
    Register(
        "scorecard.ed",
        "institutions",
        "ed_college_scorecard/scorecard.csv",
        (Key(UNITID, "unitid", _unitids), Key(OPE, "opeid", _opes)),
        links=True,
    ),
    Register(
        "dod",
        "tuition-assistance",
        "dod_ta_mou/participating_institutions.csv",
        (Key(OPE, "OPE ID", _opes),),
        "cp1252",
        2,
    ),
    Register(
        "va",
        "crosswalk",
        f"{_VA}/crosswalk.csv",
        (
            Key(FACILITY, "facility code", _facilities),
            Key(UNITID, "ipeds", _unitids),
            Key(OPE, "ope", _opes),
        ),
        "cp1252",
        links=True,
    ),
    Register(
        "va",
        "tuition-payments",
        f"{_VA}/p911_tuition_fees.csv",
        (Key(FACILITY, "Facility code", _facilities),),
    ),
    Register(
        "va",
        "settlements",
        f"{_VA}/settlements_2017-03.csv",
        (Key(UNITID, "UNITID", _unitids),),
        "cp1252",
    ),
    Register(
        "va",
        "caution-flags",
        f"{_VA}/va_caution_flag_2021-02.csv",
        (Key(FACILITY, "id", _facilities),),
    ),
    Register(
        "va",
        "closures",
        f"{_VA}/school_closure_2018-06.csv",
        (Key(FACILITY, "facility code", _facilities),),
    ),
    Register(
        "va",
        "section-702",
        f"{_VA}/sec702_school.csv",
        (Key(FACILITY, "Facility Code", _facilities),),
    ),
)
