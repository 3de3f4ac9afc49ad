"""A node's configuration: node.toml, held against the federation that the agency belongs to.

    config = load_node_config(Path("agencies/fsa.ed/node.toml"), federation)

Whether tables, columns and files are there is seen when they are opened (`node.sources.source`).
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.agency import Role
from landbridge.configuration import complaint, load, position
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.subject import SubjectKind
from landbridge.suggestion import did_you_mean
from node.node_file import (
    DatasetTable,
    FieldTable,
    FieldType,
    FileTable,
    NodeFile,
    NodeTable,
    RightsTable,
)

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OWN_TYPES: Final = {
    "codes": (FieldType.CODE, FieldType.BOOLEAN),
    "dates": (FieldType.DATE, FieldType.TIMESTAMP),
    "currency": (FieldType.MONEY,),
    "scheme": (FieldType.IDENTIFIER,),
}
"""Keys of a field that only some types have."""
_NEEDED: Final = {
    FieldType.CODE: "codes",
    FieldType.MONEY: "currency",
    FieldType.IDENTIFIER: "scheme",
}
"""Keys without which a type cannot be read."""

Keys = tuple[str | int, ...]
Problem = tuple[Keys, str]


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What one agency's node serves, and from where."""

    path: Path
    node: NodeTable
    files: tuple[FileTable, ...]
    datasets: tuple[DatasetTable, ...]
    rights: RightsTable

    def place(self, *keys: str | int) -> str:
        """Write where a key stands, as `file:line:column`."""
        return position(self.path, *keys)

    def database_url(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """Return the URL of the agency's database; None where only files are served.

        Raises:
            LandbridgeError: LB-1101 when it names an environment variable that is not set.
        """
        if self.node.database is None:
            return None
        for name in _VARIABLE.findall(self.node.database):
            if name not in environment:
                raise refuse(
                    Reason.INVALID_CONFIGURATION,
                    f"the environment variable {name} is not set",
                    where=self.place("node", "database"),
                    next_step=f"set {name} for the node's process",
                )
        return _expand(self.node.database, environment)

    def records_folder(self, environment: Mapping[str, str] = os.environ) -> Path:
        """Find the folder in which `[[files]]` lie.

        Raises:
            LandbridgeError: LB-1105 when none of the configured folders exists.
        """
        for text in self.node.records:
            if all(environment.get(name) for name in _VARIABLE.findall(text)):
                folder = self.path.parent / _expand(text, environment)
                if folder.is_dir():
                    return folder
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"no folder of records is there: {', '.join(self.node.records)}",
            where=self.place("node", "records"),
            next_step="name a folder that holds the files, or set the variable that names it",
        )


def load_node_config(path: Path, federation: Federation) -> NodeConfig:
    """Read node.toml.

    Raises:
        LandbridgeError: LB-1101; the message lists every problem with its line and column.
    """
    file = load(path, NodeFile)
    problems = list(_contradictions(file, federation))
    if problems:
        raise complaint(path, problems)
    return NodeConfig(path, file.node, file.files, file.datasets, file.rights)


def _expand(text: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: environment[match[1]], text)


def _contradictions(file: NodeFile, federation: Federation) -> Iterator[Problem]:
    """Find what each table alone cannot show to be wrong."""
    agency = federation.agencies.get(file.node.agency)
    if agency is None or Role.NODE not in agency.roles:
        nodes = [id_ for id_, member in federation.agencies.items() if Role.NODE in member.roles]
        yield (
            ("node", "agency"),
            f"{file.node.agency!r} is not an agency of {federation.name} with a node"
            + did_you_mean(file.node.agency, nodes),
        )
    yield from _wrong_rights(file, federation)
    # SQLite, in which files are served, tells table names apart without regard to case.
    yield from _repeated(("files",), "table", [file.table.casefold() for file in file.files])
    yield from _repeated(("datasets",), "name", [dataset.name for dataset in file.datasets])
    files = {table.table for table in file.files}
    for number, dataset in enumerate(file.datasets):
        at: Keys = ("datasets", number)
        yield from _repeated((*at, "fields"), "name", [field.name for field in dataset.fields])
        yield from _wrong_as_of(at, dataset)
        yield from _wrong_expiry(at, dataset)
        yield from _wrong_keys(at, dataset, federation, in_files=dataset.table in files)
        for position_, field in enumerate(dataset.fields):
            yield from _wrong_field((*at, "fields", position_), field, federation)


def _wrong_rights(file: NodeFile, federation: Federation) -> Iterator[Problem]:
    named: list[tuple[Keys, str | None]] = [(("rights", "jurisdiction"), file.rights.jurisdiction)]
    for number, dataset in enumerate(file.datasets):
        named.append((("datasets", number, "jurisdiction"), dataset.jurisdiction))
        if dataset.deciding is not None and dataset.deciding not in federation.agencies:
            yield (
                ("datasets", number, "deciding"),
                f"{dataset.deciding!r} is no agency of {federation.name}"
                + did_you_mean(dataset.deciding, federation.agencies),
            )
    for at, name in named:
        if name is not None and name not in federation.jurisdictions:
            yield (
                at,
                f"{name!r} is not a jurisdiction of {federation.name}"
                + did_you_mean(name, federation.jurisdictions),
            )
    for number, desk in enumerate(file.rights.desks or ()):
        if desk not in federation.agencies:
            yield (
                ("rights", "desks", number),
                f"{desk!r} is no agency of {federation.name}"
                + did_you_mean(desk, federation.agencies),
            )


def _repeated(at: Keys, key: str, names: Sequence[str]) -> Iterator[Problem]:
    for number, name in enumerate(names):
        if name in names[:number]:
            yield (*at, number, key), f"{name!r} is there already"


def _wrong_as_of(at: Keys, dataset: DatasetTable) -> Iterator[Problem]:
    name = dataset.as_of_field
    if name is None:
        return
    days = [
        field.name
        for field in dataset.fields
        if field.type in _OWN_TYPES["dates"] and field.separator is None
    ]
    if name not in days:
        what = f"{name!r} is not a date field of {dataset.name}" + did_you_mean(name, days)
        yield (*at, "as_of_field"), what


def _wrong_expiry(at: Keys, dataset: DatasetTable) -> Iterator[Problem]:
    if dataset.expiry is None:
        return
    days = [
        field.name
        for field in dataset.fields
        if field.type is FieldType.DATE and field.separator is None
    ]
    event = dataset.expiry.event
    if event not in days:
        what = f"{event!r} is not a date field of {dataset.name}" + did_you_mean(event, days)
        yield (*at, "expiry", "event"), what


def _wrong_keys(
    at: Keys, dataset: DatasetTable, federation: Federation, *, in_files: bool
) -> Iterator[Problem]:
    for number, key in enumerate(dataset.keys):
        here: Keys = (*at, "keys", number)
        if key.separator is not None and not in_files:
            yield (*here, "list"), "only a key of [[files]] may be a list; give tables a side table"
        if dataset.subject_kind is SubjectKind.NATURAL_PERSON:
            for name, given in (("covers_group", key.covers_group), ("list", key.separator)):
                if given:
                    yield (*here, name), "a record on a person is about one person, and has its key"
        scheme = federation.schemes.get(key.scheme)
        if scheme is None:
            yield (*here, "scheme"), _unknown_scheme(key.scheme, federation.schemes)
            continue
        if scheme.subject_kind is not dataset.subject_kind:
            yield (
                (*here, "scheme"),
                f"{key.scheme!r} names a {scheme.subject_kind}, not a {dataset.subject_kind}",
            )
        for place, spelling in enumerate(key.spellings):
            if spelling not in scheme.spellings:
                yield (
                    (*here, "spellings", place),
                    f"scheme {key.scheme} has no spelling {spelling!r}"
                    + did_you_mean(spelling, scheme.spellings),
                )


def _wrong_field(at: Keys, field: FieldTable, federation: Federation) -> Iterator[Problem]:
    for key, types in _OWN_TYPES.items():
        if getattr(field, key) and field.type not in types:
            yield (*at, key), f"a field of type {field.type} has no {key!r}"
    needed = _NEEDED.get(field.type)
    if needed and not getattr(field, needed):
        yield at, f"a field of type {field.type} needs the key {needed!r}"
    if field.type is FieldType.IDENTIFIER and field.scheme not in (None, *federation.schemes):
        yield (*at, "scheme"), _unknown_scheme(field.scheme or "", federation.schemes)
    if field.term is not None and field.term not in federation.terms:
        yield (
            (*at, "term"),
            f"{field.term!r} is not a shared term of {federation.name}"
            + did_you_mean(field.term, federation.terms),
        )
    if field.type is FieldType.BOOLEAN:
        for native, meaning in field.codes.items():
            if str(meaning).lower() not in {"true", "false"}:
                yield (*at, "codes", native), "a code of a boolean means true or false"
    elif any(isinstance(meaning, bool) for meaning in field.codes.values()):
        yield (*at, "codes"), "what a code means is written as text"


def _unknown_scheme(name: str, known: Iterable[str]) -> str:
    return f"{name!r} is not an identifier scheme of the federation" + did_you_mean(name, known)
