#!/usr/bin/env python3
"""Writes `excerpt/`: what the sixteen registers say about some forty institutions.

    python examples/institutions/write_excerpt.py [FOLDER OF THE WHOLE RECORDS]

The excerpt serves machines without the whole records. Rows are taken as they stand, with their
file's own columns, codes, encoding, preamble and line ends, so that a node reads the excerpt with
the configuration that it reads the whole records with. README.md says why each one is in it.
"""

import csv
import io
import os
import sys
import tempfile
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

UNITIDS_BY_REASON = {
    "asked for in the demo and in the tests": (
        "100654 100724 131520 140720 151519 173629 217235 439570 439792 455169"
    ),
    "other campuses of the same tax payers; offices that share an OPE id with a campus": (
        "105163 151485 414823 460349 106458 448336 122685 262457 448381"
    ),
    "every status of the IPEDS register, the odd closing days among them": (
        "103361 104805 114637 379029 437927 483230"
    ),
    "signs for empty, odd tax numbers, branches with eight digits, letters in OPE ids": (
        "100636 107293 120166 444927 177995"
    ),
    "odd days in notes; ids that no other register pairs like that": "110060 363590 429012 481854",
    "accents in each encoding, renamed schools, letters in facility codes, closing flags": (
        "243221 449135 459259 234924 104090 479549 382896 367936"
    ),
    "registers that contradict each other": "123633 434016 475635 482413",
}
UNITIDS = frozenset(" ".join(UNITIDS_BY_REASON.values()).split())
BRANCHES = frozenset({"10729301"})
DAPIP_IDS = frozenset({"104470", "145105", "183415"})
OPE_IDS = frozenset({"03334300", "02166444", "02215100"})
# Two facilities of a school without any id of Education, a placeholder, a caution flag whose
# facility is in no crosswalk, a school with neither id. (Schools abroad are chosen by their notes.)
FACILITIES = frozenset({"21917411", "25917411", "XX", "21X19632", "249F0410"})


@dataclass(frozen=True, slots=True)
class Register:
    """One file of the whole records, read into memory."""

    path: str
    encoding: str
    preamble: str
    line_end: str
    header: list[str]
    rows: list[list[str]]

    @classmethod
    def read(
        cls, folder: Path, path: str, encoding: str = "utf-8", header_line: int = 1
    ) -> "Register":
        """Read a file; the lines before the header are its preamble."""
        text = (folder / path).read_bytes().decode(encoding)
        source = io.StringIO(text, newline="")
        preamble = "".join(source.readline() for _ in range(header_line - 1))
        header, *rows = csv.reader(source)
        return cls(path, encoding, preamble, "\r\n" if "\r\n" in text else "\n", header, rows)

    def column(self, name: str) -> Callable[[list[str]], str]:
        """Return the function that reads a column of a row."""
        position = self.header.index(name)
        return lambda row: row[position]

    def keep(self, folder: Path, choose: Callable[[list[str]], bool]) -> list[list[str]]:
        """Write the chosen rows into a folder and return them."""
        rows = [row for row in self.rows if choose(row)]
        out = io.StringIO(newline="")
        out.write(self.preamble)
        csv.writer(out, lineterminator=self.line_end).writerows([self.header, *rows])
        _replace(folder / self.path, out.getvalue().encode(self.encoding))
        return rows

    def keep_keyed(
        self, folder: Path, name: str, keys: Container[str], read: Callable[[str], str] = str
    ) -> list[list[str]]:
        """Write the rows whose column, once read, is one of the keys, and return them."""
        key = self.column(name)
        return self.keep(folder, lambda row: read(key(row)) in keys)


def write_excerpt(whole: Path, excerpt: Path) -> None:
    """Write the excerpt of the whole records into a folder."""
    opes = set(OPE_IDS)
    nces = Register.read(whole, "ed_nces_ipeds/hd2014.csv", "cp1252")
    kept = nces.keep_keyed(excerpt, "UNITID", UNITIDS)
    opes.update(_ope_id(ope) for ope in map(nces.column("OPEID"), kept))

    scorecard = Register.read(whole, "ed_college_scorecard/scorecard.csv")
    scorecard.keep_keyed(excerpt, "unitid", UNITIDS | BRANCHES)

    campuses = Register.read(whole, "ed_ope_dapip/InstituteCampuses.csv")
    dapip_id, unitids = campuses.column("DapipId"), campuses.column("IpedsUnitIds")
    kept = campuses.keep(
        excerpt,
        lambda row: dapip_id(row) in DAPIP_IDS or not UNITIDS.isdisjoint(unitids(row).split(", ")),
    )
    dapip_ids = {dapip_id(row) for row in kept}
    opes.update(_ope_id(ope) for ope in map(campuses.column("OpeId"), kept))

    crosswalk = Register.read(whole, "va_gi_bill/crosswalk.csv", "cp1252")
    code, ipeds, ope = map(crosswalk.column, ("facility code", "ipeds", "ope"))
    notes = crosswalk.column("notes")
    opes.discard("")
    kept = crosswalk.keep(
        excerpt,
        lambda row: (
            ipeds(row) in UNITIDS
            or code(row) in FACILITIES
            or (ipeds(row) == "NONE" and _ope_id(ope(row)) in opes)
            or notes(row).startswith("Hochschule")
        ),
    )
    facilities = FACILITIES | {code(row) for row in kept}
    opes.update(_ope_id(ope(row)) for row in kept)
    opes.discard("")

    for path in ("AccreditationRecords.csv", "AccreditationActions.csv"):
        register = Register.read(whole, f"ed_ope_dapip/{path}")
        register.keep_keyed(excerpt, "DapipId", dapip_ids)
    for path, encoding, header_line, column in (
        ("ed_fsa_cash_monitoring/hcm_2015-12-01.csv", "latin-1", 3, "OPE ID"),
        ("ed_fsa_cash_monitoring/hcm_2016-12-01.csv", "utf-8", 3, "OPE ID"),
        ("ed_fsa_cash_monitoring/hcm_2019-06.csv", "utf-8", 1, "ope id"),
        ("dod_ta_mou/participating_institutions.csv", "cp1252", 2, "OPE ID"),
    ):
        register = Register.read(whole, path, encoding, header_line)
        register.keep_keyed(excerpt, column, opes, _ope_id)
    rates = Register.read(whole, "ed_fsa_default_rates/peps300_fy2016.csv", "utf-8-sig")
    rates.keep_keyed(excerpt, "OPEID", {ope[:6] for ope in opes}, lambda base: base.zfill(6))
    settlements = Register.read(whole, "va_gi_bill/settlements_2017-03.csv", "cp1252")
    settlements.keep_keyed(excerpt, "UNITID", UNITIDS | {"VAONLY001"})
    for path, column in (
        ("p911_tuition_fees.csv", "Facility code"),
        ("va_caution_flag_2021-02.csv", "id"),
        ("school_closure_2018-06.csv", "facility code"),
        ("sec702_school.csv", "Facility Code"),
    ):
        register = Register.read(whole, f"va_gi_bill/{path}")
        register.keep_keyed(excerpt, column, facilities)


def _ope_id(text: str) -> str:
    digits = text.strip('" ')
    return digits.zfill(8) if digits not in ("", "-2", "0", "2", "NONE") else ""


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def _find_whole(arguments: list[str]) -> Path:
    named = arguments[0] if arguments else os.environ.get("LANDBRIDGE_RECORDS", "")
    folder = Path(named) if named else HERE.parents[2] / "shared/data"
    if not (folder / "ed_nces_ipeds").is_dir():
        sys.exit(f"{folder} does not hold the whole records; name their folder")
    return folder


if __name__ == "__main__":
    write_excerpt(_find_whole(sys.argv[1:]), HERE / "excerpt")
