"""Applications that wait to be accepted, and invitations that wait to be used."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from landbridge.errors import Reason, refuse

MOST_WAITING: Final = 200
"""Applications that wait at the same time: anybody may hand one in."""
APPLICATION_LIFE_MS: Final = 30 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class StoredInvitation:
    """An invitation as the authority keeps it.

    `since` is the bundle that the party had acknowledged when it was invited, 0 for a new one;
    `used_by` is the digest of the request that used it.
    """

    id: str
    identity: str
    secret: bytes
    expires_at: int
    since: int
    used_by: bytes | None = None


def save_invitation(connection: sqlite3.Connection, invitation: StoredInvitation) -> None:
    """Put an invitation down; those that expired are dropped."""
    connection.execute(
        "INSERT INTO invitation VALUES (?, ?, ?, ?, ?, ?)",
        (
            invitation.id,
            invitation.identity,
            invitation.secret,
            invitation.expires_at,
            invitation.since,
            invitation.used_by,
        ),
    )


def find_invitation(connection: sqlite3.Connection, name: str) -> StoredInvitation | None:
    """Find an invitation by its id."""
    row = connection.execute("SELECT * FROM invitation WHERE id = ?", (name,)).fetchone()
    return None if row is None else StoredInvitation(*row)


def use_invitation(connection: sqlite3.Connection, name: str, request: bytes) -> None:
    """Put down which request has used an invitation."""
    connection.execute("UPDATE invitation SET used_by = ? WHERE id = ?", (request, name))


def withdraw_invitations(connection: sqlite3.Connection, identity: str) -> None:
    """Drop a party's unused invitations: a new one takes their place."""
    connection.execute("DELETE FROM invitation WHERE identity = ? AND used_by IS NULL", (identity,))


def forget_invitations(connection: sqlite3.Connection, now: int) -> None:
    """Drop the invitations that have expired."""
    connection.execute("DELETE FROM invitation WHERE expires_at < ?", (now,))


def save_application(
    connection: sqlite3.Connection, digest: str, document: bytes, now: int
) -> bool:
    """Put an application down; return whether it is new.

    Raises:
        LandbridgeError: LB-2003 when too many wait.
    """
    connection.execute(
        "DELETE FROM application WHERE received_at < ?", (now - APPLICATION_LIFE_MS,)
    )
    if find_application(connection, digest) is not None:
        return False
    (waiting,) = connection.execute("SELECT count(*) FROM application").fetchone()
    if waiting >= MOST_WAITING:
        raise refuse(
            Reason.BUSY,
            f"{waiting} applications wait for the operator already",
            next_step="tell the federation's operator, and apply again tomorrow",
        )
    connection.execute("INSERT INTO application VALUES (?, ?, ?)", (digest, document, now))
    return True


def find_application(connection: sqlite3.Connection, digest: str) -> bytes | None:
    """Find an application by the SHA-256 of its bytes, in hexadecimal."""
    query = "SELECT document FROM application WHERE digest = ?"
    row = connection.execute(query, (digest,)).fetchone()
    return None if row is None else bytes(row[0])


def waiting_applications(connection: sqlite3.Connection) -> list[bytes]:
    """Return the applications that wait, the oldest first."""
    query = "SELECT document FROM application ORDER BY received_at"
    return [bytes(row[0]) for row in connection.execute(query)]


def drop_application(connection: sqlite3.Connection, digest: str) -> None:
    """Drop an application that was accepted."""
    connection.execute("DELETE FROM application WHERE digest = ?", (digest,))
