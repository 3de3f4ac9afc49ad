"""Asks several nodes at once, and waits for all of them or for the deadline."""

import asyncio
from collections.abc import Callable, Mapping

from gateway.node_client import NodeClient, Outcome
from landbridge.assembler import VerifiedAnswer
from landbridge.errors import LandbridgeError, Reason, refuse


class Executor:
    """Fans questions out to the nodes; which there are may change while questions are under way."""

    def __init__(self, nodes: Mapping[str, NodeClient]) -> None:
        self._nodes = nodes

    async def ask(
        self,
        questions: Mapping[str, bytes],
        deadline: float,
        verify: Callable[[str, bytes], VerifiedAnswer],
    ) -> dict[str, VerifiedAnswer | LandbridgeError]:
        """Ask each agency its Question; return one outcome an agency, LB-2002 where it was late.

        `deadline` is in the event loop's own time, in seconds. Each answer is verified as soon as
        it comes, while others are still on their way. A node that fails, fails alone.
        """
        outcomes: dict[str, VerifiedAnswer | LandbridgeError] = {}
        if not questions:
            return outcomes
        loop = asyncio.get_running_loop()
        complete: asyncio.Future[None] = loop.create_future()

        def deliver(agency: str, outcome: Outcome) -> None:
            try:
                outcomes[agency] = (
                    outcome if isinstance(outcome, LandbridgeError) else verify(agency, outcome)
                )
            except LandbridgeError as error:
                outcomes[agency] = error
            if len(outcomes) == len(questions) and not complete.done():
                complete.set_result(None)

        nodes = {agency: self._nodes[agency] for agency in questions if agency in self._nodes}
        asked = {
            agency: node.ask(questions[agency], deadline, deliver) for agency, node in nodes.items()
        }
        for agency in questions.keys() - nodes.keys():
            deliver(agency, refuse(Reason.UNREACHABLE, f"{agency} has left the federation"))
        timer = loop.call_at(deadline, _release, complete)
        try:
            await complete
        finally:
            timer.cancel()
            for agency in asked.keys() - outcomes.keys():
                nodes[agency].give_up(asked[agency])
        return {
            agency: outcomes.get(agency)
            or refuse(Reason.LATE, f"{agency} did not answer before the deadline")
            for agency in questions
        }


def _release(complete: asyncio.Future[None]) -> None:
    if not complete.done():
        complete.set_result(None)
