"""A log in a PostgreSQL database, for replicas that append in turn.

Whoever appends holds the row of the signed head; the others wait for it. What a transaction wrote
is on the server's disk when it has ended, as `synchronous_commit` is on; a server that does not
bring it there (`fsync = off`) is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from time import monotonic, sleep
from typing import Final

import psycopg

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.connection import Connection, Rows
from landbridge.log.tables import FORMAT

_CONNECT_S: Final = 5
_SETTINGS: Final = (
    "SET synchronous_commit = on",
    "SET client_min_messages = warning",
    "SET lock_timeout = '5s'",
    "SET statement_timeout = '30s'",
    # A replica that is cut off in the middle of an append keeps the others waiting no longer.
    "SET idle_in_transaction_session_timeout = '10s'",
)
_NOTED: Final = "CREATE TABLE noted (position bigint PRIMARY KEY, names bytea NOT NULL)"
"""What the first logs in PostgreSQL lack."""
_SCHEMA: Final = (
    "CREATE TABLE log_format (one int PRIMARY KEY CHECK (one = 1), version int NOT NULL)",
    "CREATE TABLE entry (position bigint PRIMARY KEY, body bytea NOT NULL)",
    """CREATE TABLE tile (level int, position bigint, hashes bytea NOT NULL,
       PRIMARY KEY (level, position))""",
    "CREATE TABLE head (one int PRIMARY KEY CHECK (one = 1), checkpoint bytea NOT NULL)",
    """CREATE TABLE handover (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       checkpoint bytea NOT NULL)""",
    _NOTED,
    "CREATE TABLE subject_key (block bigint PRIMARY KEY, masked bytea NOT NULL)",
    "CREATE TABLE subject_name (look_up bytea, place bigint, PRIMARY KEY (look_up, place))",
    "CREATE TABLE subject_month (month text PRIMARY KEY)",
    "CREATE TABLE named_lately (position bigint PRIMARY KEY, places bytea NOT NULL)",
    "CREATE TABLE named_run (month text, run bigint, PRIMARY KEY (month, run))",
    """CREATE TABLE named (run bigint, first bytea, places bytea NOT NULL,
       PRIMARY KEY (run, first))""",
    "CREATE TABLE erased (digest bytea PRIMARY KEY)",
)
_OLDER: Final = (
    "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND coalesce(datname = current_database(), true)"
    # Of others' sessions not everybody is shown the type.
    " AND backend_type IS DISTINCT FROM 'autovacuum worker'"
    " AND age(backend_xmin) > age(?::text::xid) LIMIT 1"
)
"""Sessions that see the database as it was before a transaction."""
_OLDER_S: Final = 15.0
_LOOK_AGAIN_S: Final = 0.05
_CREATING: Final = 0x4C424C47
"""Which advisory lock is held while tables are made."""
_DAMAGE: Final = ("XX", "23", "42", "22", "3F")
"""Classes of SQLSTATE of what does not pass by itself: corruption, and tables that are not ours."""


class PostgresConnection:
    """A connection that takes statements as the rest of the log writes them."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> Rows:
        """Run a statement."""
        return self._connection.execute(_translated(statement), parameters or None)

    def executemany(self, statement: str, parameters: Iterable[Sequence[object]], /) -> None:
        """Run a statement once for each row of parameters."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated(statement), list(parameters))

    def close(self) -> None:
        """Close the connection; what it has not committed is undone."""
        self._connection.close()


class PostgresDatabase:
    """One connection to a log's database, made anew after each failure. Thread-safe."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._lock = Lock()
        self._connection: PostgresConnection | None = None

    @property
    def where(self) -> str:
        """Where the URL stands: it holds a password."""
        return self._name

    def another(self) -> "PostgresDatabase":
        """Give a further connection to the same database."""
        return PostgresDatabase(self._url, self._name)

    def is_there(self) -> bool:
        """Tell whether the database holds a log."""
        with self._using() as connection:
            return _has(connection, "head")

    def create(self, checkpoint: bytes) -> None:
        """Make the tables of an empty log, unless another replica does so at this moment."""
        with self._using() as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT pg_advisory_xact_lock(?)", (_CREATING,))
            if not _has(connection, "head"):
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute("INSERT INTO log_format VALUES (1, ?)", (FORMAT,))
                connection.execute("INSERT INTO head VALUES (1, ?)", (checkpoint,))
            connection.execute("COMMIT")

    def add_missing_tables(self) -> None:
        """Check that the log has this format, and add the table that those before may lack."""
        with self._using() as connection:
            row = connection.execute("SELECT version FROM log_format").fetchone()
            if row is None or row[0] != FORMAT:
                raise refuse(
                    Reason.LOG_DAMAGED, f"this is not a log of format {FORMAT}", where=self._name
                )
            if not _has(connection, "noted"):
                connection.execute("BEGIN")
                connection.execute("SELECT pg_advisory_xact_lock(?)", (_CREATING,))
                if not _has(connection, "noted"):
                    connection.execute(_NOTED)
                connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[PostgresConnection]:
        """Give the connection to read with; each statement sees what is committed then."""
        with self._using() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[PostgresConnection]:
        """Give the connection to read with; all statements see the same moment."""
        with self._using() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection
            connection.execute("COMMIT")

    def version(self, _: Connection) -> int | None:
        """Return None: what others have written meanwhile has to be looked at each time."""
        return None

    @contextmanager
    def writing(self) -> Iterator[PostgresConnection]:
        """Give the connection within a transaction that holds the signed head."""
        with self._using() as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM head FOR UPDATE")
            yield connection
            connection.execute("COMMIT")

    def forget_erased(self) -> None:
        """Write the tables of keys anew, in their old order, without what was overwritten.

        The server's write-ahead files and backups keep them until they are themselves removed.

        Raises:
            LandbridgeError: LB-5001 when a transaction that may still see them does not end.
        """
        with self._using() as connection:
            _wait_for_older_transactions(connection, self._name)
            connection.execute("CLUSTER subject_key USING subject_key_pkey")
            connection.execute("CLUSTER noted USING noted_pkey")

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            self._drop()

    @contextmanager
    def _using(self) -> Iterator[PostgresConnection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
            except psycopg.Error as error:
                self._drop()
                raise self._refusal(error) from error
            except LandbridgeError as error:
                # Within a transaction it is undone so.
                self._drop()
                error.where = error.where or self._name
                raise
            except BaseException:
                self._drop()
                raise

    def _connect(self) -> PostgresConnection:
        made = psycopg.connect(self._url, autocommit=True, connect_timeout=_CONNECT_S)
        connection = PostgresConnection(made)
        try:
            for setting in _SETTINGS:
                connection.execute(setting)
            self._check_durable(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_durable(self, connection: PostgresConnection) -> None:
        if connection.execute("SHOW fsync").fetchone()[0] != "on":
            raise refuse(
                Reason.LOG_UNAVAILABLE,
                "the server does not bring what it commits to the disk (fsync = off)",
                where=self._name,
                next_step="set fsync = on in the server's configuration",
            )

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _refusal(self, error: psycopg.Error) -> LandbridgeError:
        state = error.sqlstate or ""
        if isinstance(error, psycopg.ProgrammingError) and not state:
            # Its own message repeats the URL, with the password in it.
            return refuse(
                Reason.INVALID_CONFIGURATION,
                "the URL of the log's database cannot be read",
                where=self._name,
                next_step="write it like postgresql://user:password@host/database",
            )
        reason = Reason.LOG_DAMAGED if state.startswith(_DAMAGE) else Reason.LOG_UNAVAILABLE
        said = " ".join(str(error.diag.message_primary or error).split())
        return refuse(
            reason, f"the log's database: {said} ({state or 'no connection'})", where=self._name
        )


def _wait_for_older_transactions(connection: PostgresConnection, where: str) -> None:
    """Wait until nobody can see what was committed before now in an earlier version.

    What somebody can still see is written anew with all the rest.
    """
    (now,) = connection.execute("SELECT txid_current()").fetchone()
    end = monotonic() + _OLDER_S
    while connection.execute(_OLDER, (str(now % (1 << 32)),)).fetchone() is not None:
        if monotonic() >= end:
            raise refuse(
                Reason.LOG_UNAVAILABLE,
                "what was erased is still in the tables, as an older transaction may read it",
                where=where,
                next_step="end long transactions in this database, then do it again",
            )
        sleep(_LOOK_AGAIN_S)


def _has(connection: PostgresConnection, table: str) -> bool:
    return bool(connection.execute("SELECT to_regclass(?) IS NOT NULL", (table,)).fetchone()[0])


def _translated(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()
