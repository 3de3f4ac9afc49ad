"""Keyed pseudonyms of subjects: a log names them without saying who they are.

Each subject has one random key a calendar month. It lies in the log's own database, masked by and
found by values that only the party's `pseudonym.key` gives: the database alone names nobody.
Whoever has a subject's key finds that subject's entries; once it is erased, nobody does.
"""

import os
import time
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
from landbridge.log.subject_tables import NewKey

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
_LOOK_AGAIN_S: Final = 0.2
"""For so long a key that another process has erased may still be used."""

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
    new: Sequence[NewKey]


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

    Where several processes meet a subject at the same moment, each may make a key for the month:
    all of them are found, and one is used from then on.
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
        self._unstored: dict[bytes, _Called] = {}
        self._stored_lately: OrderedDict[bytes, None] = OrderedDict()
        self._noted: dict[bytes, bytes] = {}
        """Masked keys that are noted and not taken apart, by what they are found by."""
        self._noted_to = -1
        self._erasures = -1
        self._look_at = 0.0
        self._seen: tuple[Connection, int] | None = None

    def name(self, scheme: str, value: str, at: int) -> Pseudonym:
        """Return what the log calls a subject at a time, Unix milliseconds.

        A key that is made here is stored by the append that names it first.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        return self.names(((scheme, value, at),))[0]

    def names(self, subjects: Iterable[About]) -> list[Pseudonym]:
        """Do as `name` does for several, each scheme, value and time, with one look at the disk.

        Raises:
            LandbridgeError: as for `name`.
        """
        called = [(month_of(at), scheme, value) for scheme, value, at in subjects]
        with self._lock:
            if time.monotonic() >= self._look_at:
                self._look()
            found = {each: self._known.get(each) for each in called}
            unknown = [each for each, name in found.items() if name is None]
            learned: dict[_Called, Pseudonym] = {}
            if unknown:
                with self._database.reading() as connection:
                    self._read_notes(connection)
                    learned, new = self._learn(connection, unknown)
                masked = {key.pseudonym: key.masked for key in new}
                learned = {
                    each: name._replace(unstored_key=masked.get(name.value, b""))
                    for each, name in learned.items()
                }
                self._remember(learned)
        return [found[each] or learned[each] for each in called]

    def name_within(
        self, connection: Connection, version: int | None, subjects: Iterable[About]
    ) -> Naming:
        """Do as `names` does within the transaction that stores the keys which are made here.

        `version` is that of the connection (`Database.version`). Have `remember_named` take notice
        when the transaction has ended well.

        Raises:
            LandbridgeError: as for `name`.
        """
        called = [(month_of(at), scheme, value) for scheme, value, at in subjects]
        with self._lock:
            seen = None if version is None else (connection, version)
            if seen is None or seen != self._seen:
                self._forget_erased(connection)
                self._read_notes(connection)
                self._seen = seen
            known = self._known
            names = [known.get(each) for each in called]
            to_store = {
                each: name
                for each, name in zip(called, names, strict=True)
                if name is None or name.unstored_key
            }
            learned: dict[_Called, Pseudonym] = {}
            new: list[NewKey] = []
            if to_store:
                made = {each: name for each, name in to_store.items() if name}
                unknown = [each for each, name in to_store.items() if not name]
                learned, new = self._learn(connection, unknown)
                new += [NewKey(*name[1:], name.value) for name in made.values()]
                learned.update((each, Pseudonym(*name[:3])) for each, name in made.items())
        return Naming([learned.get(each) or known[each] for each in called], learned, new)

    def find(self, scheme: str, value: str) -> list[Pseudonym]:
        """Return what the log has called a subject, newest month first, where a key is left.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        return [
            Pseudonym(pseudonym(key, scheme, value), month, look_up)
            for month, look_up, key in self._read(scheme, value)
        ]

    def keys(self, scheme: str, value: str) -> list[SubjectKey]:
        """Return the keys of a subject, newest month first: for an auditor, to search with.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        return [SubjectKey(month, key) for month, _, key in self._read(scheme, value)]

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

    def unstored(self, names: Iterable[Pseudonym]) -> list[NewKey]:
        """Return the keys of these that an append has to store, as none has done so meanwhile."""
        with self._lock:
            return [
                NewKey(name.period, name.look_up, name.unstored_key, name.value)
                for name in names
                if name.value not in self._stored_lately
            ]

    def remember_stored(self, keys: Sequence[NewKey]) -> None:
        """Take notice that an append has stored these keys."""
        with self._lock:
            for _, look_up, masked, value in keys:
                self._noted[look_up] = masked
                if len(self._stored_lately) >= _MOST_KNOWN:
                    self._stored_lately.popitem(last=False)
                self._stored_lately[value] = None
                called = self._unstored.pop(value, None)
                name = self._known.get(called) if called else None
                if called and name and name.value == value:
                    self._known[called] = name._replace(unstored_key=b"")

    def remember_named(self, naming: Naming) -> None:
        """Take notice that the append for which `name_within` named subjects has ended well."""
        with self._lock:
            for key in naming.new:
                self._noted[key.look_up] = key.masked
                if self._unstored:
                    self._unstored.pop(key.pseudonym, None)
            self._remember(naming.learned)

    def remember_taken_apart(self) -> None:
        """Take notice that nothing is noted any more: all of it can be looked up."""
        with self._lock:
            self._noted.clear()

    def _learn(
        self, connection: Connection, unknown: Sequence[_Called]
    ) -> tuple[dict[_Called, Pseudonym], list[NewKey]]:
        """Read the keys of these, and make those that are not there."""
        noted = self._noted
        written = [write_subject(scheme, value) for _, scheme, value in unknown]
        concealed = [
            self._conceal(each[0], text) for each, text in zip(unknown, written, strict=True)
        ]
        sought = [look_up for look_up, _ in concealed if look_up not in noted]
        stored = subject_tables.read_keys_of(connection, sought)
        fresh = os.urandom(KEY_BYTES * (len(sought) - len(stored)))
        learned: dict[_Called, Pseudonym] = {}
        new: list[NewKey] = []
        for each, text, (look_up, mask) in zip(unknown, written, concealed, strict=True):
            month = each[0]
            masked = noted.get(look_up) or (stored[look_up][0].masked if look_up in stored else b"")
            if masked:
                name = pseudonym_of(masked_with(masked, mask), text)
            else:
                start = KEY_BYTES * len(new)
                key = fresh[start : start + KEY_BYTES]
                name = pseudonym_of(key, text)
                new.append(NewKey(month, look_up, masked_with(key, mask), name))
            learned[each] = Pseudonym(name, month, look_up)
        return learned, new

    def _read(self, scheme: str, value: str) -> list[tuple[str, bytes, bytes]]:
        """Return month, look-up value and key, newest month first."""
        found: list[tuple[str, bytes, bytes]] = []
        with self._database.snapshot() as connection:
            noted: dict[bytes, list[bytes]] = {}
            months = set(subject_tables.read_months(connection))
            for _, note in subject_notes.read_notes(connection):
                for month, look_up, masked in subject_notes.keys_in(note):
                    noted.setdefault(look_up, []).append(masked)
                    months.add(month)
            for month in sorted(months, reverse=True):
                look_up, mask = self._conceal(month, write_subject(scheme, value))
                keys = [key.masked for key in subject_tables.read_keys(connection, look_up)]
                keys += noted.get(look_up, ())
                found += [(month, look_up, masked_with(masked, mask)) for masked in keys]
        return found

    def _remember(self, learned: Mapping[_Called, Pseudonym]) -> None:
        known = self._known
        for called, name in learned.items():
            if len(known) >= _MOST_KNOWN and called not in known:
                _, oldest = known.popitem(last=False)
                self._unstored.pop(oldest.value, None)
            known[called] = name
            if name.unstored_key:
                self._unstored[name.value] = called

    def _look(self) -> None:
        """See, now and then, whether any process has erased something."""
        with self._database.reading() as connection:
            self._forget_erased(connection)
        self._look_at = time.monotonic() + _LOOK_AGAIN_S

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
        self._unstored.clear()
        self._noted, self._noted_to = {}, -1
        self._seen = None
