"""PostgreSQL servers for the peers: one cluster a party, TLS 1.3 and client certificates."""

import asyncio
import os
import pwd
import shutil
import signal
import ssl
import subprocess
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.peers.pool import Pool
from landbridge.commands.reserved_addresses import ReservedAddresses
from landbridge.errors import Reason, refuse

OWNER: Final = "landbridge"
_PLACES: Final = "/usr/lib/postgresql"
_READY_S: Final = 30.0
_SETTINGS: Final = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = '64MB'
ssl = on
ssl_cert_file = 'own.pem'
ssl_key_file = 'own.pem'
ssl_ca_file = 'roots.pem'
ssl_min_protocol_version = 'TLSv1.3'
autovacuum = off
jit = off
max_parallel_workers_per_gather = 0
plan_cache_mode = force_generic_plan
"""
_ADMITTED: Final = "hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n"


def lacks() -> str:
    """Say why no server can run here; nothing where one can."""
    found = [_shortcoming(folder) for folder in _candidates()]
    if not found:
        return "no PostgreSQL server is installed (`apt-get install postgresql`)"
    return "" if "" in found else "; ".join(found)


def _candidates() -> list[Path]:
    folders = sorted(Path(_PLACES).glob("*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    return [*folders, *([Path(on_path).resolve().parent] if on_path else [])]


def _shortcoming(folder: Path) -> str:
    """Say what a build of PostgreSQL lacks; the one that the tests use has neither part."""
    if not (folder / "initdb").exists() or not (folder / "pg_config").exists():
        return f"{folder} is not whole"
    told = subprocess.run(
        [folder / "pg_config", "--configure", "--pkglibdir"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    built, library = told.strip().splitlines()
    if "openssl" not in built:
        return f"the PostgreSQL in {folder} is built without TLS"
    if not (Path(library) / "postgres_fdw.so").exists():
        return f"the PostgreSQL in {folder} is built without postgres_fdw"
    return ""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process, and how it is reached."""

    pid: int
    port: int
    dns_name: str
    own: Path
    """Its credential, where the server itself may read it."""
    roots: Path

    async def connect(self, credential: Path, *, database: str = "postgres") -> Any:  # noqa: ANN401
        """Connect with a party's certificate; the server's name is checked, too."""
        import asyncpg  # noqa: PLC0415  one of the packages that only peers need

        return await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user=OWNER,
            database=database,
            ssl=_named(credential, self.roots, self.dns_name),
        )


class Clusters:
    """Makes and starts servers in a folder of their own, which goes with them."""

    def __init__(self, stack: AsyncExitStack, roots: Path) -> None:
        self._stack = stack
        self._reserved = stack.enter_context(ReservedAddresses())
        self._bin = next(folder for folder in _candidates() if not _shortcoming(folder))
        # PostgreSQL does not run as root.
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._folder = Path(tempfile.mkdtemp(prefix="landbridge-postgres-"))
        stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._roots = roots
        self._give(self._folder)
        self._first = self._folder / "first"
        self._run(
            *(self._bin / "initdb", "-D", self._first, "-U", OWNER, "-A", "trust"),
            *("--no-sync", "--locale=C", "-E", "UTF8"),
        )

    async def start(self, name: str, dns_name: str, credential: Path) -> Server:
        """Start the server of one party."""
        home = self._folder / name
        self._run("cp", "-a", self._first, home)
        for source, target in ((credential, "own.pem"), (self._roots, "roots.pem")):
            (home / target).write_bytes(source.read_bytes())
            (home / target).chmod(0o600)
            self._give(home / target)
        port = int(self._reserved.take().rpartition(":")[2])
        with (home / "postgresql.conf").open("a") as settings:
            settings.write(f"{_SETTINGS}port = {port}\n")
        (home / "pg_hba.conf").write_text(_ADMITTED)
        process = self._launch(home)
        self._stack.callback(_stop, process)
        server = Server(process.pid, port, dns_name, home / "own.pem", home / "roots.pem")
        await self._ready(server, process, credential, home / "server.log")
        return server

    def _launch(self, home: Path) -> subprocess.Popen[bytes]:
        with (home / "server.log").open("wb") as log:
            return subprocess.Popen(
                [*self._as_user(), self._bin / "postgres", "-D", home],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _ready(
        self, server: Server, process: subprocess.Popen[bytes], credential: Path, log: Path
    ) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_S
        while True:
            try:
                connection = await server.connect(credential)
            except Exception as error:  # asyncpg's own errors have no common parent but this
                late = asyncio.get_running_loop().time() > deadline
                if late or process.poll() is not None:
                    raise refuse(
                        Reason.UNREACHABLE,
                        f"PostgreSQL does not serve: {error}; {_last_words(log)}",
                    ) from error
                await asyncio.sleep(0.1)
            else:
                await connection.close()
                return

    @property
    def _group(self) -> int:
        return pwd.getpwnam(self._user).pw_gid

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, self._user, self._group)

    def _run(self, *command: str | Path) -> None:
        subprocess.run(
            [*self._as_user(), *map(str, command)],
            check=True,
            capture_output=True,
            cwd=self._folder,
        )

    def _as_user(self) -> list[str]:
        # By a program, and not by subprocess, which would fork a process that gRPC lives in.
        if os.geteuid() != 0:
            return []
        return ["setpriv", f"--reuid={self._user}", f"--regid={self._group}", "--clear-groups"]


class Statements:
    """One statement, prepared on each of some connections; a query waits for a free one."""

    def __init__(self, statements: list[Any]) -> None:
        self._free = Pool(statements)

    async def fetch(self, number: str) -> list[Any]:
        """Return the rows about a subject."""
        statement = await self._free.take()
        try:
            rows: list[Any] = await statement.fetch(number)
        finally:
            self._free.give_back(statement)
        return rows


async def prepare(
    stack: AsyncExitStack, server: Server, credential: Path, statement: str, connections: int
) -> Statements:
    """Open so many connections with a party's certificate and prepare the statement on each."""
    prepared = []
    for _ in range(connections):
        connection = await server.connect(credential)
        stack.push_async_callback(connection.close)
        prepared.append(await connection.prepare(statement))
    return Statements(prepared)


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-300:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGQUIT)
    process.wait()


class _NamedContext(ssl.SSLContext):
    """Looks for one DNS name, whatever address was connected to."""

    dns_name = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002  as in the class above
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        del server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, self.dns_name, session)


def _named(credential: Path, roots: Path, dns_name: str) -> ssl.SSLContext:
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(roots)
    context.load_cert_chain(credential)
    context.dns_name = dns_name
    return context
