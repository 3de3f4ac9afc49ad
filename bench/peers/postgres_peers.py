"""The peers on PostgreSQL: the client on eight servers, and a gateway database over them."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import psutil

from bench.federation import DATASET
from bench.peers import postgres
from bench.peers.ground import COLUMNS, SELECT, WARM_CONNECTIONS, Ground, Running, check_subjects
from bench.records import FIELDS, KEY
from landbridge.agency import Role
from landbridge.party import PartyFolder
from landbridge.subject import SubjectId

_LAYOUT: Final = ", ".join(
    [f"{KEY} text NOT NULL", *(f"{each.column} {each.affinity} NOT NULL" for each in FIELDS)]
)


@dataclass(frozen=True, slots=True)
class Direct:
    """asyncpg in the client's process, on a server for each provider: a library, no gateway."""

    name: str = "asyncpg"

    def lacks(self) -> str:
        """Say why it cannot run here."""
        return _lacks()

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        """Start eight servers, and the client's connections to each."""
        clusters = postgres.Clusters(stack, ground.roots)
        servers = await _start_providers(ground, clusters)
        own = PartyFolder.open(ground.requester).credential
        select = f"{SELECT} $1"
        lines = [
            await postgres.prepare(stack, server, own, select, WARM_CONNECTIONS)
            for server in servers
        ]

        async def ask(subject: SubjectId) -> list[Any]:
            found = await asyncio.gather(*(line.fetch(subject.value) for line in lines))
            rows = [row for rows in found for row in rows]
            check_subjects(subject, [row[KEY] for row in rows], len(servers))
            return rows

        return Running(ask, {"nodes": _with_children(servers)})


@dataclass(frozen=True, slots=True)
class Foreign:
    """A gateway database reads eight foreign servers at once by postgres_fdw."""

    name: str = "postgres-fdw"

    def lacks(self) -> str:
        """Say why it cannot run here."""
        return _lacks()

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        """Start the eight, the gateway over them, and the client's connections to it."""
        clusters = postgres.Clusters(stack, ground.roots)
        servers = await _start_providers(ground, clusters)
        front = await clusters.start("gateway", ground.gateway_name, ground.gateway)
        connection = await front.connect(ground.gateway)
        for statement in _foreign_tables(front, servers):
            await connection.execute(statement)
        await connection.close()
        own = PartyFolder.open(ground.requester).credential
        select = " UNION ALL ".join(
            f"SELECT {', '.join(COLUMNS)} FROM provider_{place} WHERE {KEY} = $1"
            for place in range(len(servers))
        )
        # Each connection to the gateway has one of its own to each provider behind it.
        line = await postgres.prepare(stack, front, own, select, WARM_CONNECTIONS)
        numbers = [str(number) for number in range(WARM_CONNECTIONS)]
        await asyncio.gather(*(line.fetch(number) for number in numbers))

        async def ask(subject: SubjectId) -> list[Any]:
            rows = await line.fetch(subject.value)
            check_subjects(subject, [row[KEY] for row in rows], len(servers))
            return rows

        processes = {"gateway": _with_children([front]), "nodes": _with_children(servers)}
        return Running(ask, processes)


def _lacks() -> str:
    if find_spec("asyncpg") is None:
        return "asyncpg not installed: run `make peers`"
    return postgres.lacks()


async def _start_providers(ground: Ground, clusters: postgres.Clusters) -> list[postgres.Server]:
    servers = []
    for agency in ground.sandbox.providers:
        own = ground.credential(agency, Role.NODE)
        server = await clusters.start(agency, ground.name(agency, Role.NODE), own)
        connection = await server.connect(own)
        await connection.execute(f"CREATE TABLE {DATASET} ({_LAYOUT})")
        with closing(sqlite3.connect(ground.records(agency))) as database:
            rows = database.execute(f"SELECT {', '.join(COLUMNS)} FROM {DATASET}").fetchall()
        await connection.copy_records_to_table(DATASET, records=rows, columns=COLUMNS)
        await connection.execute(f"CREATE UNIQUE INDEX ON {DATASET} ({KEY})")
        await connection.execute(f"VACUUM ANALYZE {DATASET}")
        await connection.close()
        servers.append(server)
    return servers


def _foreign_tables(front: postgres.Server, servers: list[postgres.Server]) -> list[str]:
    statements = ["CREATE EXTENSION postgres_fdw"]
    for place, server in enumerate(servers):
        name = f"server_{place}"
        statements += [
            (
                f"CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ("
                f"host '{server.dns_name}', hostaddr '127.0.0.1', port '{server.port}',"
                f" dbname 'postgres', sslmode 'verify-full', sslrootcert '{front.roots}',"
                " async_capable 'true', parallel_commit 'true', keep_connections 'on')"
            ),
            (
                f"CREATE USER MAPPING FOR {postgres.OWNER} SERVER {name} OPTIONS ("
                f"user '{postgres.OWNER}', sslcert '{front.own}', sslkey '{front.own}')"
            ),
            (
                f"CREATE FOREIGN TABLE provider_{place} ({_LAYOUT}) SERVER {name}"
                f" OPTIONS (table_name '{DATASET}')"
            ),
        ]
    return statements


def _with_children(servers: list[postgres.Server]) -> list[int]:
    pids = []
    for server in servers:
        process = psutil.Process(server.pid)
        pids += [server.pid, *(child.pid for child in process.children(recursive=True))]
    return pids
