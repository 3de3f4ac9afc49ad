"""An independent reader of the example's native files: plain CSV, nothing of Landbridge.

It answers which rows of the sixteen files concern an institution, and what a cell holds. Tests hold
profiles against it. It keeps its own table of files and keys, so that a mistake in a node.toml of
the example cannot hide here.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

UNITID, OPE, EIN = "us-ipeds-unitid", "us-ope-id", "us-ein"
FACILITY, DAPIP = "us-va-facility-code", "us-dapip-id"
EMPTY = frozenset({"", "-1", "-2", "NONE"})

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


@dataclass(frozen=True, order=True)
class NativeRecord:
    """A row that concerns the institution, named as profiles name it."""

    agency: str
    dataset: str
    record: str
    covers_group: bool = field(compare=False, default=False)


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


class Oracle:
    """The native files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._rows = {register.file: dict(_read(folder, register)) for register in REGISTERS}
        self._index: dict[tuple[str, str], dict[str, list[int]]] = {
            (register.file, key.column): self._find_lines(register, key)
            for register in REGISTERS
            for key in register.keys
        }

    @cached_property
    def unitids(self) -> tuple[str, ...]:
        """Every institution of the IPEDS register, in its order."""
        return tuple(row["UNITID"] for row in self._rows["hd2014.csv"].values())

    def row(self, record: str) -> Mapping[str, str]:
        """The native row that a profile calls `<file>:<line>`, by column."""
        file, _, line = record.rpartition(":")
        return self._rows[file][int(line)]

    def cell(self, record: str, column: str) -> str:
        """The native text of one cell of that row."""
        return self.row(record)[column]

    def linked(self, scheme: str, value: str) -> set[tuple[str, str]]:
        """Identifiers that stand in one row with this one, in a register that links identifiers."""
        found: set[tuple[str, str]] = set()
        for register in REGISTERS:
            for key in register.keys if register.links else ():
                for line in self._lines(register, key, value) if key.scheme == scheme else ():
                    row = self._rows[register.file][line]
                    for other in register.keys:
                        cell = row[other.column]
                        found.update((other.scheme, item) for item in other.read(cell))
        return found - {(scheme, value)}

    def records(
        self, scheme: str, value: str, aliases: Collection[tuple[str, str]] | None = None
    ) -> set[NativeRecord]:
        """Every row that concerns the institution, in every file.

        A row concerns it if a key of the asked scheme is the asked identifier; or if a key is one
        of the aliases and every more exact key of a known scheme is empty: a row that names another
        campus by a more exact identifier is about that campus. Aliases are by default the
        identifiers that are linked directly.
        """
        others = self.linked(scheme, value) if aliases is None else aliases
        known: dict[str, list[str]] = defaultdict(list)
        for other_scheme, other in sorted(others):
            known[other_scheme].append(other)
        known[scheme] = [value]
        found = set()
        for register in REGISTERS:
            for position, key in enumerate(register.keys):
                for wanted in known.get(key.scheme, ()):
                    for line in self._lines(register, key, wanted):
                        row = self._rows[register.file][line]
                        if key.scheme == scheme or all(
                            row[other.column].strip() in EMPTY
                            for other in register.keys[:position]
                            if other.scheme in known
                        ):
                            name = f"{register.file}:{line}"
                            found.add(
                                NativeRecord(register.agency, register.dataset, name, key.base)
                            )
        return found

    def _find_lines(self, register: Register, key: Key) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for line, row in self._rows[register.file].items():
            for item in dict.fromkeys(key.read(row[key.column])):
                found[item].append(line)
        return found

    def _lines(self, register: Register, key: Key, value: str) -> list[int]:
        wanted = value[:6] if key.base else value
        return self._index[register.file, key.column].get(wanted, [])


def _read(folder: Path, register: Register) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a file's rows with the line on which each begins, counted from 1."""
    with (folder / register.path).open(encoding=register.encoding, newline="") as file:
        for _ in range(register.header_line - 1):
            file.readline()
        rows = csv.reader(file)
        header = next(rows)
        line = register.header_line + rows.line_num
        for cells in rows:
            yield line, dict(zip(header, cells, strict=True))
            line = register.header_line + rows.line_num
