"""What the authority knows of each enrolled party: what it acknowledged, shows and has tried."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from certs.registrar.issued import leaves_in_use


@dataclass(frozen=True, slots=True)
class EnrolledParty:
    """A party as its last acknowledgement told; times in Unix milliseconds.

    `issuer` is the key id of the issuer of the certificate that it shows, `proven` the ids of the
    authorities that it has tried with success.
    """

    identity: str
    acknowledged: int = 0
    heard_at: int = 0
    signed_at: int = 0
    issuer: str = ""
    serial: str = ""
    proven: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()


_COLUMNS = "identity, acknowledged, heard_at, signed_at, issuer, serial, proven, alarms"


def save_party(connection: sqlite3.Connection, party: EnrolledParty) -> None:
    """Put a party down as it is now."""
    connection.execute(
        f"INSERT OR REPLACE INTO party ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            party.identity,
            party.acknowledged,
            party.heard_at,
            party.signed_at,
            party.issuer,
            party.serial,
            json.dumps(party.proven),
            json.dumps(party.alarms),
        ),
    )


def find_party(connection: sqlite3.Connection, identity: str) -> EnrolledParty | None:
    """Find a party by its identity, a URI."""
    return next(iter(_parties(connection, "WHERE identity = ?", identity)), None)


def all_parties(connection: sqlite3.Connection) -> list[EnrolledParty]:
    """Return every party that was ever enrolled."""
    return _parties(connection, "ORDER BY identity")


def forget_parties(connection: sqlite3.Connection) -> None:
    """Drop the parties of which the registry has not even an expired certificate any more."""
    connection.execute("DELETE FROM party WHERE identity NOT IN (SELECT identity FROM leaf)")


def issuers_held(connection: sqlite3.Connection, now: int) -> dict[str, set[str]]:
    """Return, for each party, the key ids of the issuers of what it still holds."""
    held: dict[str, set[str]] = {}
    for leaf in leaves_in_use(connection, now):
        held.setdefault(leaf.identity, set()).add(leaf.issuer)
    return held


def _parties(connection: sqlite3.Connection, rest: str, *values: str) -> list[EnrolledParty]:
    query = f"SELECT {_COLUMNS} FROM party {rest}"  # noqa: S608  our own words
    return [
        EnrolledParty(
            identity, acknowledged, heard, signed, issuer, serial, _texts(proven), _texts(alarms)
        )
        for identity, acknowledged, heard, signed, issuer, serial, proven, alarms in (
            connection.execute(query, values)
        )
    ]


def _texts(stored: str) -> tuple[str, ...]:
    read: Sequence[str] = json.loads(stored)
    return tuple(read)
