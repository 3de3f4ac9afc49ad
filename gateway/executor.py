"""Asks several nodes at once, and waits for all of them or for the deadline."""

import asyncio
from collections.abc import Callable, Mapping

from gateway.node_client import NodeClient, Outcome
from gateway.waves import Place
from landbridge.assembler import VerifiedAnswer
from landbridge.errors import LandbridgeError, Reason, refuse

Verify = Callable[[str, bytes], VerifiedAnswer]
"""From an agency and its Envelope as it came."""


class Executor:
    """Fans questions out to the nodes; which there are may change while questions are under way."""

    def __init__(self, nodes: Mapping[str, NodeClient]) -> None:
        self._nodes = nodes

    async def ask(
        self, questions: Mapping[str, bytes], deadline: float, verify: Verify, place: Place
    ) -> dict[str, VerifiedAnswer | LandbridgeError]:
        """Ask each agency its Question; return one outcome an agency, LB-2002 where it was late.

        `deadline` is in the event loop's own time, in seconds. Each answer is verified as soon as
        it comes, while others are still on their way. A node that fails, fails alone. The query's
        `place` in its wave is told of who is asked, and of each outcome.
        """
        if not questions:
            return {}
        loop = asyncio.get_running_loop()
        asked: list[tuple[str, NodeClient, int]] = []
        answers = _Round(loop.create_future(), len(questions), verify, place)
        place.asked(questions.keys())
        for agency, question in questions.items():
            node = self._nodes.get(agency)
            if node is None:
                left = refuse(Reason.UNREACHABLE, f"{agency} has left the federation")
                answers.deliver(agency, left)
            else:
                asked.append((agency, node, node.ask(question, deadline, answers.deliver)))
        timer = loop.call_at(deadline, answers.end)
        try:
            await answers.complete
        finally:
            timer.cancel()
            outcomes = answers.outcomes
            if len(outcomes) < len(questions):
                for agency, node, number in asked:
                    if agency not in outcomes:
                        node.give_up(number)
        return {
            agency: outcomes.get(agency)
            or refuse(Reason.LATE, f"{agency} did not answer before the deadline")
            for agency in questions
        }


class _Round:
    """What has come of the questions of one query's step."""

    __slots__ = ("_count", "_place", "_verify", "complete", "outcomes")

    def __init__(
        self, complete: asyncio.Future[None], count: int, verify: Verify, place: Place
    ) -> None:
        self.complete = complete
        self.outcomes: dict[str, VerifiedAnswer | LandbridgeError] = {}
        self._count = count
        self._verify = verify
        self._place = place

    def deliver(self, agency: str, outcome: Outcome) -> None:
        """Take the outcome of one question."""
        try:
            self.outcomes[agency] = (
                outcome if isinstance(outcome, LandbridgeError) else self._verify(agency, outcome)
            )
        except LandbridgeError as error:
            self.outcomes[agency] = error
        self._place.came(agency)
        if len(self.outcomes) == self._count:
            self.end()

    def end(self) -> None:
        """Wait no longer."""
        if not self.complete.done():
            self.complete.set_result(None)
