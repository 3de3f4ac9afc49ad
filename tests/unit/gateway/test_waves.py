"""Queries go on in waves; who needs a node that is behind holds nobody back."""

import asyncio

import pytest

from gateway.patience import Patience
from gateway.waves import Place, Waves

LATER = 60.0


class Asked:
    """Queries that wait for their wave, and those whose wave has left."""

    def __init__(self, waves: Waves) -> None:
        self.waves = waves
        self.gone: dict[str, Place] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def ask(self, *names: str, within: float = LATER) -> None:
        for name in names:
            self.tasks[name] = asyncio.create_task(self._join(name, within))

    async def _join(self, name: str, within: float) -> None:
        self.gone[name] = await self.waves.join(asyncio.get_running_loop().time() + within)

    async def settled(self) -> set[str]:
        """Return who has gone on, once everybody who can has."""
        for _ in range(5):
            await asyncio.sleep(0)
        return set(self.gone)


@pytest.fixture
def asked() -> Asked:
    return Asked(Waves(full=3))


async def test_who_comes_alone_goes_on_at_once(asked: Asked) -> None:
    asked.ask("one")
    assert await asked.settled() == {"one"}


async def test_who_comes_meanwhile_goes_on_together_when_all_are_through(asked: Asked) -> None:
    asked.ask("first", "second")
    assert await asked.settled() == {"first", "second"}
    asked.ask("third")
    await asked.settled()
    asked.ask("fourth")
    assert await asked.settled() == {"first", "second"}
    asked.gone["first"].leave()
    asked.gone["first"].leave()
    assert await asked.settled() == {"first", "second"}
    asked.gone["second"].leave()
    assert await asked.settled() == {"first", "second", "third", "fourth"}


async def test_a_wave_that_is_full_waits_for_none(asked: Asked) -> None:
    asked.ask("1", "2", "3", "4", "5")
    assert await asked.settled() == {"1", "2", "3"}
    asked.ask("6")
    assert await asked.settled() == {"1", "2", "3", "4", "5", "6"}
    asked.ask("7")
    for name in "123":
        asked.gone[name].leave()
    assert "7" not in await asked.settled()
    for name in "456":
        asked.gone[name].leave()
    assert "7" in await asked.settled()


async def test_whoever_gives_up_holds_nobody(asked: Asked) -> None:
    asked.ask("first")
    await asked.settled()
    asked.ask("waiting", "next")
    await asked.settled()
    asked.tasks["waiting"].cancel()
    asked.gone["first"].leave()
    assert await asked.settled() == {"first", "next"}
    asked.gone["next"].leave()
    asked.ask("last")
    assert await asked.settled() == {"first", "next", "last"}


async def test_whoever_gives_up_just_when_its_wave_leaves_holds_nobody(asked: Asked) -> None:
    asked.ask("first")
    await asked.settled()
    asked.ask("unlucky")
    await asked.settled()
    asked.gone["first"].leave()
    asked.tasks["unlucky"].cancel()
    assert await asked.settled() == {"first"}
    asked.ask("next")
    assert await asked.settled() == {"first", "next"}


async def test_all_of_a_wave_may_have_given_up(asked: Asked) -> None:
    asked.ask("first")
    asked.tasks["first"].cancel()
    assert await asked.settled() == set()
    asked.ask("next")
    assert await asked.settled() == {"next"}


async def test_past_its_deadline_a_query_goes_on_alone(asked: Asked) -> None:
    asked.ask("first")
    await asked.settled()
    asked.ask("late", within=0.0)
    asked.ask("patient")
    await asyncio.wait({asked.tasks["late"]})
    assert await asked.settled() == {"first", "late"}
    asked.gone["late"].leave()
    assert await asked.settled() == {"first", "late"}
    asked.gone["first"].leave()
    assert await asked.settled() == {"first", "late", "patient"}


async def test_whoever_gives_up_just_at_its_deadline_is_forgotten(asked: Asked) -> None:
    loop, problems = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    asked.ask("first")
    await asked.settled()
    asked.ask("unlucky")
    await asked.settled()
    (turn,) = asked.waves._waiting
    asked.tasks["unlucky"].cancel()
    # As the timer does that falls due in the same turn of the loop.
    loop.call_soon(asked.waves._go_alone, turn)
    assert await asked.settled() == {"first"}
    assert problems == []


async def test_a_silent_node_holds_the_next_wave_once_and_for_a_bounded_time(asked: Asked) -> None:
    asked.ask("needs both")
    await asked.settled()
    needs_both = asked.gone["needs both"]
    needs_both.asked({"quick", "slow"})
    needs_both.came("quick")
    assert needs_both.awaited == {"slow"}
    asked.ask("next")
    await asyncio.wait({asked.tasks["next"]})
    # From now on it is known: the wave goes on without those who have all but its answer.
    following = asked.gone["next"]
    following.asked({"quick", "slow"})
    assert following.awaited == {"quick"}
    asked.ask("third")
    assert "third" not in await asked.settled()
    following.came("quick")
    assert "third" in await asked.settled()
    # Who needs that node alone is not waited for at all.
    asked.gone["third"].asked({"slow"})
    asked.ask("fourth")
    assert "fourth" in await asked.settled()
    # It answers the fourth in time, and is waited for again.
    asked.gone["fourth"].asked({"quick", "slow"})
    asked.gone["fourth"].came("slow")
    asked.gone["fourth"].came("quick")
    asked.gone["fourth"].leave()
    asked.ask("fifth")
    await asked.settled()
    asked.gone["fifth"].asked({"slow"})
    assert asked.gone["fifth"].awaited == {"slow"}


async def test_between_its_rounds_a_query_keeps_its_place(asked: Asked) -> None:
    asked.ask("two rounds")
    await asked.settled()
    place = asked.gone["two rounds"]
    place.asked({"resolver"})
    place.came("resolver")
    asked.ask("next")
    assert "next" not in await asked.settled()
    place.asked({"one", "two"})
    place.came("one")
    place.came("two")
    assert "next" not in await asked.settled()
    place.leave()
    assert "next" in await asked.settled()


def test_patience_follows_what_waves_take() -> None:
    patience = Patience()
    for _ in range(50):
        patience.returned(0.2)
    assert patience.seconds == pytest.approx(0.6, rel=0.01)
    for _ in range(50):
        patience.returned(0.001)
    assert patience.seconds == 0.02
    for _ in range(50):
        patience.lost(())
    assert patience.seconds == 1.0


def test_a_late_answer_leaves_a_node_behind() -> None:
    patience = Patience()
    patience.lost({"slow"})
    patience.answered("slow", took=patience.seconds * 1.01)
    assert patience.awaited({"slow", "quick"}) == {"quick"}
    patience.answered("slow", took=patience.seconds)
    assert patience.awaited({"slow", "quick"}) == {"slow", "quick"}
