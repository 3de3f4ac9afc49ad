"""Keyed pseudonyms of subjects: a log names them without saying who they are.

Each subject has one random key a calendar month. It lies in the log's own database, masked by and
found by values that only the party's `pseudonym.key` gives: the database alone names nobody.
Whoever has a subject's key finds that subject's entries; once it is erased, nobody does.
"""

import hmac
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

from landbridge.clock import to_datetime
from landbridge.errors import Reason, refuse
from landbridge.keys import read_private
from landbridge.log import erasure_list, subject_tables
from landbridge.log.connection import Database
from landbridge.log.erasure_list import note_erased
from landbridge.log.own_database import own_database
from landbridge.log.subject_tables import NewKey

LOOK_UP_FILE: Final = "pseudonym.key"
PSEUDONYM_BYTES: Final = 16
KEY_BYTES: Final = 32
_DAY_MS: Final = 86_400_000
_MOST_KNOWN: Final = 1 << 15
"""Pseudonyms kept in memory, some 10 MB."""
_LOOK_AGAIN_S: Final = 0.2
"""For so long a key that another process has erased may still be used."""

_Called = tuple[str, str, str]
"""Month, scheme and value."""


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """What a log calls a subject in one month, such as 2026-11."""

    value: bytes
    period: str
    look_up: bytes = b""
    unstored_key: bytes = b""
    """The masked key, until an append has stored it."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The key of one subject in one month: whoever has it finds the entries."""

    period: str
    key: bytes


def load_look_up_key(path: Path) -> bytes:
    """Read a party's `pseudonym.key`: 64 hexadecimal digits, readable by its owner alone.

    Raises:
        LandbridgeError: LB-4011 when others may read it; LB-1101 when it cannot be read or does
            not hold 32 bytes.
    """
    try:
        key = bytes.fromhex(read_private(path).decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"the file does not hold a pseudonym key of {KEY_BYTES} bytes in hexadecimal",
            where=str(path),
            next_step="restore the file as it was made: a new one cannot find the subjects' keys",
        )
    return key


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


def pseudonym(key: bytes, scheme: str, value: str) -> bytes:
    """Return the pseudonym of an identifier in its normal form: 16 bytes of HMAC-SHA256.

    Scheme and value are written with their lengths, so that no two pairs read the same.
    """
    return hmac.digest(key, _written(scheme, value), "sha256")[:PSEUDONYM_BYTES]


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
        self._look_up_key = look_up_key
        self._lock = Lock()
        # A plain dictionary finds its oldest item ever more slowly.
        self._known: OrderedDict[_Called, Pseudonym] = OrderedDict()
        self._unstored: dict[bytes, _Called] = {}
        self._stored_lately: OrderedDict[bytes, None] = OrderedDict()
        self._erasures = -1
        self._look_at = 0.0

    def name(self, scheme: str, value: str, at: int) -> Pseudonym:
        """Return what the log calls a subject at a time, Unix milliseconds.

        A key that is made here is stored by the append that names it first.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        return self.names(((scheme, value, at),))[0]

    def names(self, subjects: Iterable[tuple[str, str, int]]) -> list[Pseudonym]:
        """Do as `name` does for several, each scheme, value and time, with one look at the disk.

        Raises:
            LandbridgeError: as for `name`.
        """
        called = [(_month(at // _DAY_MS), scheme, value) for scheme, value, at in subjects]
        with self._lock:
            if time.monotonic() >= self._look_at:
                self._forget_erased()
            found = {each: self._known.get(each) for each in called}
            unknown = [each for each, name in found.items() if name is None]
            learned = self._learn(unknown) if unknown else {}
        return [found[each] or learned[each] for each in called]

    def find(self, scheme: str, value: str) -> list[Pseudonym]:
        """Return what the log has called a subject, newest month first, where a key is left.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        return [found for month in self._months() for found in self._stored(month, scheme, value)]

    def keys(self, scheme: str, value: str) -> list[SubjectKey]:
        """Return the keys of a subject, newest month first: for an auditor, to search with.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the keys cannot be read.
        """
        return [
            SubjectKey(month, key)
            for month in self._months()
            for _, key in self._read(month, scheme, value)
        ]

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
            for month in subject_tables.read_months(connection):
                look_up, _ = self._conceal(month, scheme, value)
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

    def remember_stored(self, values: Iterable[bytes]) -> None:
        """Take notice that an append has stored the keys of these pseudonyms."""
        with self._lock:
            for value in values:
                if len(self._stored_lately) >= _MOST_KNOWN:
                    self._stored_lately.popitem(last=False)
                self._stored_lately[value] = None
                called = self._unstored.pop(value, None)
                if called is not None:
                    self._known[called] = replace(self._known[called], unstored_key=b"")

    def _learn(self, unknown: Sequence[_Called]) -> dict[_Called, Pseudonym]:
        """Read the keys of these, and make those that are not there."""
        concealed = {each: self._conceal(*each) for each in unknown}
        with self._database.reading() as connection:
            stored = subject_tables.read_keys_of(
                connection, [look_up for look_up, _ in concealed.values()]
            )
        learned: dict[_Called, Pseudonym] = {}
        for each, (look_up, mask) in concealed.items():
            month, scheme, value = each
            if look_up in stored:
                key = _xor(stored[look_up][0].masked, mask)
                name = Pseudonym(pseudonym(key, scheme, value), month, look_up)
            else:
                key = secrets.token_bytes(KEY_BYTES)
                name = Pseudonym(pseudonym(key, scheme, value), month, look_up, _xor(key, mask))
            learned[each] = name
            self._remember(each, name)
        return learned

    def _stored(self, month: str, scheme: str, value: str) -> Iterator[Pseudonym]:
        for look_up, key in self._read(month, scheme, value):
            yield Pseudonym(pseudonym(key, scheme, value), month, look_up)

    def _read(self, month: str, scheme: str, value: str) -> Iterator[tuple[bytes, bytes]]:
        look_up, mask = self._conceal(month, scheme, value)
        with self._database.reading() as connection:
            found = subject_tables.read_keys(connection, look_up)
        for stored in found:
            yield look_up, _xor(stored.masked, mask)

    def _months(self) -> list[str]:
        with self._database.reading() as connection:
            return subject_tables.read_months(connection)

    def _remember(self, called: _Called, found: Pseudonym) -> None:
        if len(self._known) >= _MOST_KNOWN:
            _, oldest = self._known.popitem(last=False)
            self._unstored.pop(oldest.value, None)
        self._known[called] = found
        if found.unstored_key:
            self._unstored[found.value] = called

    def _forget_erased(self) -> None:
        """Forget all that is in memory where any process has erased something."""
        with self._database.reading() as connection:
            erasures = subject_tables.count_erasures(connection)
        if erasures != self._erasures:
            self._forget()
            self._erasures = erasures
        self._look_at = time.monotonic() + _LOOK_AGAIN_S

    def _forget(self) -> None:
        self._known.clear()
        self._unstored.clear()

    def _conceal(self, month: str, scheme: str, value: str) -> tuple[bytes, bytes]:
        """Return what a subject's key is found by, and what masks it."""
        text = month.encode() + _written(scheme, value)
        secret = hmac.digest(self._look_up_key, text, "sha256")
        # Half of the secret is stored; without the other half nobody comes to the mask.
        return secret[:PSEUDONYM_BYTES], sha256(secret).digest()


def _written(scheme: str, value: str) -> bytes:
    first, second = scheme.encode(), value.encode()
    return struct.pack(">II", len(first), len(second)) + first + second


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(KEY_BYTES)


@lru_cache(maxsize=64)
def _month(day: int) -> str:
    return f"{to_datetime(day * _DAY_MS):%Y-%m}"
