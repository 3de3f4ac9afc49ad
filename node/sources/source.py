"""A node's sources: every dataset of the agency, opened read only.

    source = Source.open(config, federation, work)
    records = source.fetch([lookup])[0]

Only granted columns are selected, and only granted rows are found: both stand in the statement that
the database runs. No text of a statement comes from the wire.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.heading import write_heading
from landbridge.memorandum.condition import Rule
from landbridge.memorandum.grant import Predicate
from landbridge.v1 import answer_pb2
from node.config import NodeConfig
from node.sources.binding import Bound, bind, refuse_problems
from node.sources.conditions import RowConditions
from node.sources.database import ReadOnlyDatabase
from node.sources.dataset import DatasetReader, Outcome
from node.sources.errata import Errata
from node.sources.lookup import Lookup, Wanted, Withdrawn
from node.sources.opening import open_database, open_records

_NO_ERRATA: Final = Errata()
_HEADINGS: Final = 1000
"""How many headings are kept: queries choose their fields, so there is no end of them."""


class Source:
    """Reads the records of an agency's datasets. Thread-safe."""

    def __init__(
        self,
        datasets: Sequence[DatasetReader],
        databases: Sequence[ReadOnlyDatabase],
        max_records: int,
    ) -> None:
        self.databases = tuple(databases)
        self.max_records = max_records
        self._datasets = {dataset.table.name: dataset for dataset in datasets}
        self._headings: dict[tuple[str, tuple[str, ...]], bytes] = {}

    @classmethod
    def open(
        cls, config: NodeConfig, federation: Federation, work: Path, errata: Errata = _NO_ERRATA
    ) -> "Source":
        """Load the files, open the database, and check every table and column.

        Args:
            config: What the agency serves.
            federation: Its schemes read the identifiers; its limits bound the answers.
            work: Folder for the node's own SQLite file of loaded files.
            errata: What is corrected in them.

        Raises:
            LandbridgeError: LB-1102, LB-1103 for tables and columns that are not there, LB-1104 for
                the database, LB-1105 for files; nothing stays open.
        """
        conditions = RowConditions(federation.schemes)
        opened = []
        try:
            database = open_database(config, conditions.hold)
            opened += [database] if database else []
            records = open_records(config, work, conditions.hold, errata)
            opened += [records] if records else []
            found, problems = bind(config, database, records)
            refuse_problems(config, problems)
            readers = [_reader(bound, federation, conditions) for bound in found]
        except BaseException:
            for tables in opened:
                tables.database.close()
            raise
        limit = federation.limits.max_records
        return cls(readers, [tables.database for tables in opened], limit)

    def read(self, lookups: Sequence[Lookup]) -> list[Outcome]:
        """Read every lookup, each record as the wire writes it; one outcome a lookup, in order.

        Records come in the order of lines or primary keys, and at most one more of them than an
        answer may hold. With predicates there is one record without a name, its values yes or no,
        if any record of the subject meets the conditions. Lookups that want the same share one
        statement.
        A lookup that fails gives its error, and does not disturb the others: LB-2002 for a
        statement that took too long, LB-2004 for one that failed, LB-2005 for identifiers that are
        no keys, LB-1008 for too many records, LB-1009 for a predicate that cannot be answered for
        what is asked.
        """
        if not lookups:
            return []
        first = lookups[0].wanted
        if all(lookup.wanted is first for lookup in lookups):
            return self._read(first, lookups)
        groups: dict[Wanted, list[int]] = {}
        for position, lookup in enumerate(lookups):
            groups.setdefault(lookup.wanted, []).append(position)
        outcomes: list[Outcome] = [[]] * len(lookups)
        for wanted, positions in groups.items():
            found = self._read(wanted, [lookups[position] for position in positions])
            for position, outcome in zip(positions, found, strict=True):
                outcomes[position] = outcome
        return outcomes

    def fetch(self, lookups: Sequence[Lookup]) -> list[list[answer_pb2.Record] | LandbridgeError]:
        """Read every lookup as `read` does, for those who look into the records."""
        return [
            outcome
            if isinstance(outcome, LandbridgeError)
            else list(map(answer_pb2.Record.FromString, outcome))
            for outcome in self.read(lookups)
        ]

    def columns(self, dataset: str, fields: tuple[str, ...]) -> list[answer_pb2.Column]:
        """Describe what the values of a record are, in the order of the fields.

        Raises:
            LandbridgeError: LB-1006, LB-1007 for what is not published.
        """
        reader = self._dataset(dataset)
        return [reader.field(name).description for name in fields]

    def heading(self, dataset: str, fields: tuple[str, ...]) -> bytes:
        """Write the heading of an extract of these fields, which is made once.

        Raises:
            LandbridgeError: LB-1006, LB-1007 for what is not published.
        """
        written = self._headings.get((dataset, fields))
        if written is None:
            written = write_heading(self.columns(dataset, fields))
            if len(self._headings) >= _HEADINGS:
                self._headings.clear()
            self._headings[dataset, fields] = written
        return written

    def check_rule(self, dataset: str, rule: Rule) -> None:
        """Check that the database can execute a rule of row conditions exactly as it is written.

        The rule may hold `within`, but no asked values.

        Raises:
            LandbridgeError: LB-1101 when it cannot; LB-1006, LB-1007 for what is not published.
        """
        self._dataset(dataset).check_rule(rule)

    def check_predicate(self, dataset: str, predicate: Predicate) -> None:
        """Check that the database can answer a predicate exactly, whatever queries may ask.

        Raises:
            LandbridgeError: LB-1101 when it cannot; LB-1006, LB-1007 for what is not published.
        """
        self._dataset(dataset).check_predicate(predicate)

    def is_named_by_line(self, dataset: str) -> bool:
        """Whether a dataset's records are named by lines of a file, which another edition may move.

        Raises:
            LandbridgeError: LB-1006 when it is not published.
        """
        return self._dataset(dataset).is_named_by_line

    def check_cut(self, dataset: str, withdrawn: Withdrawn) -> None:
        """Check that a record could be left out of what is read.

        Raises:
            LandbridgeError: LB-2004 when it cannot be told from others in a statement; LB-1006 for
                what is not published.
        """
        self._dataset(dataset).check_cut(withdrawn)

    @property
    def is_local(self) -> bool:
        """Whether every read is a look-up in a file of this machine."""
        return all(database.dialect.name == "sqlite" for database in self.databases)

    def close(self) -> None:
        """Close every connection."""
        for database in self.databases:
            database.close()

    def _read(self, wanted: Wanted, lookups: Sequence[Lookup]) -> list[Outcome]:
        try:
            return self._dataset(wanted.dataset).read(wanted, lookups)
        except LandbridgeError as error:
            return [error] * len(lookups)

    def _dataset(self, name: str) -> DatasetReader:
        if name not in self._datasets:
            raise refuse(Reason.UNKNOWN_DATASET, f"the dataset {name!r} is not published here")
        return self._datasets[name]


def _reader(bound: Bound, federation: Federation, conditions: RowConditions) -> DatasetReader:
    return DatasetReader(
        table=bound.dataset,
        native=bound.native,
        naming=bound.naming,
        schemes=federation.schemes,
        conditions=conditions,
        max_records=federation.limits.max_records,
    )
