"""Acts that administrators have signed: those that miss a signature, and those that were done."""

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Final

from landbridge.errors import Reason, refuse

PENDING_LIFE_MS: Final = 7 * 24 * 3600 * 1000
"""How long a first signature waits for the second."""
MOST_PENDING: Final = 200


@dataclass(frozen=True, slots=True)
class PendingAct:
    """A statement that misses signatures, with those that it has by key id."""

    statement: bytes
    attachment: bytes
    signatures: tuple[tuple[str, bytes], ...]


def find_pending(connection: sqlite3.Connection, statement: bytes) -> PendingAct:
    """Return what was signed of a statement so far; without signatures if nothing was."""
    rows = connection.execute(
        "SELECT key_id, signature, attachment FROM pending WHERE digest = ? ORDER BY key_id",
        (_digest(statement),),
    ).fetchall()
    attachment = bytes(rows[0][2]) if rows else b""
    return PendingAct(statement, attachment, tuple((row[0], bytes(row[1])) for row in rows))


def all_pending(connection: sqlite3.Connection) -> list[PendingAct]:
    """Return every statement that misses signatures, the oldest first."""
    rows = connection.execute("SELECT statement FROM pending GROUP BY digest ORDER BY min(at)")
    return [find_pending(connection, bytes(row[0])) for row in rows.fetchall()]


def save_signature(
    connection: sqlite3.Connection, act: PendingAct, key_id: str, signature: bytes, now: int
) -> None:
    """Keep an administrator's signature until there are enough, or a week has passed.

    Raises:
        LandbridgeError: LB-2003 when too many acts wait.
    """
    (waiting,) = connection.execute("SELECT count(*) FROM pending").fetchone()
    if waiting >= MOST_PENDING:
        raise refuse(Reason.BUSY, f"{waiting} signatures wait for others already")
    connection.execute(
        "INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?)",
        (_digest(act.statement), key_id, act.statement, signature, act.attachment, now),
    )


def forget_pending(connection: sqlite3.Connection, now: int) -> None:
    """Drop signatures that have waited for too long."""
    connection.execute("DELETE FROM pending WHERE at < ?", (now - PENDING_LIFE_MS,))


def mark_done(connection: sqlite3.Connection, statement: bytes, bundle: int) -> None:
    """Put down that an act was done, which happens once; it waits no more."""
    digest = _digest(statement)
    connection.execute("DELETE FROM pending WHERE digest = ?", (digest,))
    connection.execute("INSERT INTO done VALUES (?, ?)", (digest, bundle))


def check_not_done(connection: sqlite3.Connection, statement: bytes) -> None:
    """Check that exactly this statement was not carried out before.

    Raises:
        LandbridgeError: LB-4015 when it was.
    """
    query = "SELECT bundle FROM done WHERE digest = ?"
    row = connection.execute(query, (_digest(statement),)).fetchone()
    if row is not None:
        raise refuse(
            Reason.NOT_APPROVED,
            f"exactly this act was done before: it led to trust bundle {row[0]}",
            next_step="nothing to do if that was meant; else sign a new act",
        )


def _digest(statement: bytes) -> str:
    return hashlib.sha256(statement).hexdigest()
