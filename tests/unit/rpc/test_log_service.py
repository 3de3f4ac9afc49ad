"""Who asks about heads as fast as it can keeps no log from its witnesses."""

import asyncio
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from landbridge.agency import Identity, Role
from landbridge.log.own_log import OwnLog
from landbridge.rpc import guard
from tests.unit.gateway.witnessed_town import Party
from tests.witnessing import Town


class RefusedError(Exception):
    pass


class Context:
    async def abort_with_status(self, status: Any) -> None:
        raise RefusedError(status.details)

    async def abort(self, *stated: Any, **more: Any) -> None:
        raise RefusedError(stated, more)


async def test_readers_leave_places_for_those_who_bring_heads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(tmp_path)
    party = Party(town, "tax")
    free, cosigned = Event(), OwnLog.cosigned

    def slow(own: OwnLog) -> bytes:
        free.wait()
        return cosigned(own)

    monkeypatch.setattr(OwnLog, "cosigned", slow)
    context: Any = Context()

    async def ask(role: Role) -> Any:
        guard._CALLER.set(Identity("city", "town.example", role, "main"))
        return await party.service.GetCheckpoint(None, context)  # type: ignore[arg-type]

    asking = [asyncio.create_task(ask(Role.REQUESTER)) for _ in range(300)]
    while sum(task.done() for task in asking) < 300 - 16:
        await asyncio.sleep(0.01)
    bringing = [asyncio.create_task(ask(Role.GATEWAY)) for _ in range(8)]
    await asyncio.sleep(0)
    free.set()
    for shown in await asyncio.gather(*bringing):
        assert shown.checkpoint == party.log.head()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert sum(isinstance(outcome, RefusedError) for outcome in outcomes) == 300 - 16
    party.close()
    town.close()
