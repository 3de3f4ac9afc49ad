"""Keyed pseudonyms of subjects: a log names them without saying who they are.

Each subject has one random key a calendar month. It lies in the log's own database, masked by and
found by values that only the party's `pseudonym.key` gives: the database alone names nobody.
Whoever has a subject's key finds that subject's entries; once it is erased, nobody does.
"""

import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from landbridge.errors import Reason, refuse
from landbridge.log import erasure_list, subject_notes, subject_tables
from landbridge.log.connection import Connection, Database
from landbridge.log.erasure_list import note_erased
from landbridge.log.own_database import own_database
from landbridge.log.pseudonym import (
    KEY_BYTES,
    LOOK_UP_FILE,
    PSEUDONYM_BYTES,
    Concealment,
    Pseudonym,
    load_look_up_key,
    masked_with,
    month_of,
    pseudonym,
    pseudonym_of,
    write_subject,
)
from landbridge.log.subject_tables import NotedKey

__all__ = [
    "KEY_BYTES",
    "LOOK_UP_FILE",
    "PSEUDONYM_BYTES",
    "About",
    "Naming",
    "Pseudonym",
    "SubjectKey",
    "SubjectKeys",
    "load_look_up_key",
    "open_keys_in",
    "open_subject_keys",
    "pseudonym",
]

_MOST_KNOWN: Final = 1 << 15
"""Pseudonyms kept in memory, some 10 MB."""
_MOST_NOTED: Final = 1 << 13
"""Keys that others have noted, kept in memory until the rows are read anew."""

About = tuple[str, str, int]
"""Scheme and value of whom an entry names, and when, in Unix milliseconds."""
_Called = tuple[str, str, str]
"""Month, scheme and value."""


class Naming(NamedTuple):
    """What a transaction calls subjects, in order, and what it has to store for that."""

    names: list[Pseudonym]
    learned: Mapping[_Called, Pseudonym]
    new: Sequence[NotedKey]


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The key of one subject in one month: whoever has it finds the entries."""

    period: str
    key: bytes


def open_subject_keys(folder: Path) -> "SubjectKeys":
    """Open the subjects' keys in a party's folder without its log; close them after use.

    Raises:
        LandbridgeError: LB-1101 when the folder holds no log, or `load_look_up_key` fails.
    """
    database = own_database(folder)
    if not database.is_there():
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "there is no log",
            where=database.where,
            next_step="name the folder that the federation made for this party",
        )
    database.add_missing_tables()
    return open_keys_in(database, folder)


def open_keys_in(database: Database, folder: Path) -> "SubjectKeys":
    """Open the subjects' keys in a copy of the log of the party whose folder this is.

    Raises:
        LandbridgeError: as `load_look_up_key`.
    """
    look_up_key = load_look_up_key(folder / LOOK_UP_FILE)
    return SubjectKeys(database, look_up_key, erasures=folder / erasure_list.FILE_NAME)


class SubjectKeys:
    """The keys of a log's subjects. Thread-safe.

    Keys are made within the transaction of the append that needs them: processes that meet a
    subject at the same moment call it the same.
    """

    def __init__(
        self, database: Database, look_up_key: bytes, *, erasures: Path | None = None
    ) -> None:
        self._database = database
        self._erasures_list = erasures
        self._conceal = Concealment(look_up_key).conceal
        self._lock = Lock()
        # A plain dictionary finds its oldest item ever more slowly.
        self._known: OrderedDict[_Called, Pseudonym] = OrderedDict()
        self._noted: dict[bytes, bytes] = {}
        """Masked keys that are noted and not taken apart, by what they are found by."""
        self._noted_to = -1
        self._erasures = -1
        self._seen: tuple[Connection, int] | None = None
        self._named_on: Connection | None = None

    def name_within(
        self, connection: Connection, version: int | None, subjects: Iterable[About]
    ) -> Naming:
        """Name subjects within the transaction that stores the keys which are made here.

        `version` is that of the connection (`Database.version`). Have `remember_named` take notice
        when the transaction has ended well.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        called = [(month_of(at), scheme, value) for scheme, value, at in subjects]
        with self._lock:
            seen = None if version is None else (connection, version)
            if seen is None or seen != self._seen:
                if connection is not self._named_on:
                    self._forget()  # it may have met another database
                    self._named_on = connection
                self._forget_erased(connection)
                self._read_notes(connection)
                self._seen = seen
            known = self._known
            unknown = {each: None for each in called if each not in known}
            learned, new = self._learn(connection, unknown) if unknown else ({}, ())
            names = [learned.get(each) or known[each] for each in called]
        return Naming(names, learned, new)

    def find(self, scheme: str, value: str) -> list[Pseudonym]:
        """Return what the log has called a subject, newest month first, where a key is left.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        return [
            Pseudonym(pseudonym(key, scheme, value), month)
            for month, key in self._read(scheme, value)
        ]

    def keys(self, scheme: str, value: str) -> list[SubjectKey]:
        """Return the keys of a subject, newest month first: for an auditor, to search with.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        return [SubjectKey(month, key) for month, key in self._read(scheme, value)]

    def erase(self, scheme: str, value: str) -> int:
        """Erase the keys of a subject and return how many there were.

        The entries stay and stay provable; nobody can tell any more on whom they are. What was
        erased is gone from the database's files when this returns.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses, or keeps a copy: call it again; LB-5002
                when the keys cannot be read.
        """
        erased: list[bytes] = []
        with self._database.writing() as connection:
            subject_notes.take_apart(connection)
            for month in subject_tables.read_months(connection):
                look_up, _ = self._conceal(month, write_subject(scheme, value))
                for stored in subject_tables.read_keys(connection, look_up):
                    subject_tables.erase_key(connection, look_up, stored)
                    erased.append(stored.masked)
            if erased and self._erasures_list is not None:
                note_erased(self._erasures_list, erased)
        self._database.forget_erased()
        with self._lock:
            self._forget()
        return len(erased)

    def close(self) -> None:
        """Close the database and forget what is in memory."""
        with self._lock:
            self._forget()
        self._database.close()

    def remember_named(self, naming: Naming) -> None:
        """Take notice that the append for which `name_within` named subjects has ended well."""
        known = self._known
        with self._lock:
            self._noted.update((look_up, masked) for _, look_up, masked in naming.new)
            known.update(naming.learned)
            while len(known) > _MOST_KNOWN:
                known.popitem(last=False)

    def remember_taken_apart(self) -> None:
        """Take notice that nothing is noted any more: all of it can be looked up."""
        with self._lock:
            self._noted.clear()

    def _learn(
        self, connection: Connection, unknown: Iterable[_Called]
    ) -> tuple[dict[_Called, Pseudonym], Sequence[NotedKey]]:
        """Read the keys of these, and make those that are not there."""
        conceal, noted = self._conceal, self._noted
        sought: list[bytes] = []
        concealed: list[tuple[_Called, bytes, bytes, bytes]] = []
        for each in unknown:
            month, scheme, value = each
            written = write_subject(scheme, value)
            look_up, mask = conceal(month, written)
            if look_up not in noted:
                sought.append(look_up)
            concealed.append((each, written, look_up, mask))
        stored = subject_tables.read_keys_of(connection, sought)
        fresh = os.urandom(KEY_BYTES * len(sought))
        learned: dict[_Called, Pseudonym] = {}
        new: list[NotedKey] = []
        for each, written, look_up, mask in concealed:
            if look_up in noted:
                masked = noted[look_up]
            elif look_up in stored:
                masked = stored[look_up][0].masked
            else:
                # Random bytes under a mask are random bytes: what is stored is drawn.
                start = KEY_BYTES * len(new)
                masked = fresh[start : start + KEY_BYTES]
                new.append((each[0].encode(), look_up, masked))
            learned[each] = Pseudonym(pseudonym_of(masked_with(masked, mask), written), each[0])
        return learned, new

    def _read(self, scheme: str, value: str) -> list[tuple[str, bytes]]:
        """Return month and key, newest month first."""
        found: list[tuple[str, bytes]] = []
        with self._database.snapshot() as connection:
            noted: dict[bytes, list[bytes]] = {}
            months = set(subject_tables.read_months(connection))
            for _, note in subject_notes.read_notes(connection):
                for ascii_month, look_up, masked in subject_notes.keys_in(note):
                    noted.setdefault(look_up, []).append(masked)
                    months.add(ascii_month.decode("ascii", "replace"))
            for month in sorted(months, reverse=True):
                look_up, mask = self._conceal(month, write_subject(scheme, value))
                keys = [key.masked for key in subject_tables.read_keys(connection, look_up)]
                keys += noted.get(look_up, ())
                found += [(month, masked_with(masked, mask)) for masked in keys]
        return found

    def _forget_erased(self, connection: Connection) -> None:
        """Forget all that is in memory where any process has erased something."""
        erasures = subject_tables.count_erasures(connection)
        if erasures != self._erasures:
            self._forget()
            self._erasures = erasures

    def _read_notes(self, connection: Connection) -> None:
        """Take up the keys that were noted since the last look."""
        if len(self._noted) > _MOST_NOTED:
            self._noted, self._noted_to = {}, -1
        for position, note in subject_notes.read_notes(connection, self._noted_to):
            for _, look_up, masked in subject_notes.keys_in(note):
                self._noted[look_up] = masked
            self._noted_to = position

    def _forget(self) -> None:
        self._known.clear()
        self._noted, self._noted_to = {}, -1
        self._seen = None
