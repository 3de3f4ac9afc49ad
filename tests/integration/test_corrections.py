"""A correction from end to end: disputed, corrected, noticed, acknowledged; profiles know of it."""

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from landbridge.agency import Role
from landbridge.clock import system_clock
from landbridge.commands import status_lists
from landbridge.commands.main import run
from landbridge.errors import Reason
from landbridge.keys import KeyUse
from landbridge.profile import profile_document
from landbridge.rights.opening import Complaint, write_opening
from landbridge.rights.step_document import write_step
from landbridge.rights.steps import CaseKind, Step
from landbridge.rpc.rights_calls import submit_step
from landbridge.subject import SubjectId
from tests.market import BAKERY, FOOD, MILL, PURPOSE, TAX, Market, market, write_market

CITY: Final = "city"
NUMBER: Final = SubjectId("tax-number", "9911")
Captured = pytest.CaptureFixture[str]


class Story:
    """A market in which things are disputed."""

    def __init__(self, running: Market, folder: Path, capsys: Captured) -> None:
        self.running = running
        self.folder = folder
        self.capsys = capsys

    async def save(self, name: str, subject: SubjectId = BAKERY) -> Path:
        envelope = await self.running.client.ask(subject, PURPOSE, "M-1", timeout=5.0)
        path = self.folder / name
        path.write_text(json.dumps(profile_document(envelope)))
        return path

    async def command(self, *words: str) -> int:
        return await asyncio.to_thread(run, list(words))

    async def told(self, *words: str) -> tuple[int, dict[str, Any]]:
        self.capsys.readouterr()
        code = await self.command(*words, "-o", "json")
        return code, json.loads(self.capsys.readouterr().out or "{}")

    @property
    def home(self) -> tuple[str, str]:
        return "--home", str(self.running.sandbox.home_folder)

    def state(self, agency: str = TAX) -> str:
        return str(self.running.sandbox.state(agency, Role.NODE))

    async def decided(self, outcome: Step, complaint: Complaint) -> str:
        """Open a dispute at the desk, and decide it; return its id."""
        desk = self.running.key(CITY, Role.REQUESTER, KeyUse.CONSENT)
        key = self.running.key(complaint.agency, Role.NODE, KeyUse.MEMORANDUM)
        opened = write_opening(complaint, desk, at=system_clock()).to_bytes()
        (front,) = self.running.bundle.endpoints(Role.GATEWAY)
        channel = self.running.channel(front, CITY, Role.REQUESTER)
        case = (await submit_step(channel, complaint.agency, opened)).case_id
        step = write_step(
            case,
            outcome,
            previous=sha256(opened).digest(),
            agency=complaint.agency,
            key=key,
            at=system_clock(),
            reason="The bank has shown us the receipt",
        )
        await submit_step(channel, complaint.agency, step.to_bytes())
        await channel.close()
        return case

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.05)


def complaint(
    agency: str, dataset: str, record: str, subject: SubjectId, *fields: str
) -> Complaint:
    return Complaint(
        kind=CaseKind.DISPUTE,
        agency=agency,
        dataset=dataset,
        record=record,
        subject=subject,
        statement="This was paid in June.",
        fields=fields,
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    place = write_market(tmp_path) / "federation.toml"
    text = place.read_text()
    place.write_text(
        text.replace('roles = ["requester"]\n', 'roles = ["requester"]\ndesk = true\n')
    )
    return tmp_path


async def test_a_correction_reaches_who_received_it(
    written: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with market(written, write=False) as running:
        story = Story(running, written, capsys)
        old, other = await story.save("old.json"), await story.save("other.json", MILL)
        assert "1,250.00" in old.read_text()
        before = story.folder / "before"
        assert await story.command("status", str(old), "--save", str(before), *story.home) == 0
        case, notice = await corrected(story)
        new = await story.save("new.json")
        assert "1,250.00" not in new.read_text()
        assert await story.command(*issue(story, case), "--set", "arrears=EUR 0.00") != 0
        assert Reason.CASE_CONFLICT.code in capsys.readouterr().err
        await acknowledged(story, case, notice)
        await stale(story, old, (new, other))
        with monkeypatch.context() as patched:
            await replayed(story, old, before, patched)
        await kept(story, case)
        assert await story.command("status", str(old), *story.home) == 3
        await withdrawn(story)
        # A profile that was asked while an agency is away is not called good.
        await running.nodes.pop(FOOD).stop()
        assert await story.command("status", str(new), *story.home) == 5


def issue(story: Story, case: str, agency: str = TAX) -> tuple[str, ...]:
    return "correction", "issue", "--state", story.state(agency), "--case", case


async def corrected(story: Story) -> tuple[str, str]:
    """It is corrected in the node that runs, and a notice is signed to who received it."""
    assert await story.command(*issue(story, "0" * 32)) != 0
    paid = complaint(TAX, "arrears", "arrears.csv:3", NUMBER, "arrears")
    case = await story.decided(Step.CORRECTED, paid)
    command = issue(story, case)
    for refused in ((), ("--set", "arrears=soon"), ("--set", "taxpayer=Nobody")):
        assert await story.command(*command, *refused) != 0
    code, issued = await story.told(*command[:-2], "--set", "arrears=EUR 0.00")
    assert (code, issued["case"], issued["reason"]) == (0, case, "corrected")
    (notice,) = issued["notices"]
    assert (notice["recipient"], notice["fields"], notice["answers"]) == (CITY, ["arrears"], 1)
    return case, notice["correction"]


async def acknowledged(story: Story, case: str, notice: str) -> None:
    """The recipient gets it through the gateway, and acknowledges."""
    running = story.running
    told = ("correction", "status", "--state", story.state(), case)
    assert await story.command(*told) == 3
    shelf = running.gateway.documents.library
    await story.until(lambda: len(shelf.shelf.corrections) == 1)
    code, fetched = await story.told("correction", "fetch", "--as", CITY, *story.home)
    assert (code, [one["correction"] for one in fetched["corrections"]]) == (3, [notice])
    assert "1,250" not in json.dumps(fetched)
    sign = ("correction", "acknowledge", "--as", CITY, *story.home)
    assert await story.command(*sign, "f" * 32) != 0
    assert await story.command(*sign, "--all") == 0
    provider = running.nodes[TAX].documents.library
    await story.until(lambda: len(provider.shelf.acknowledgements) == 1)
    assert await story.command(*told) == 0
    assert await story.command("correction", "fetch", "--as", CITY, *story.home) == 0


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def replayed(story: Story, old: Path, lists: Path, patched: pytest.MonkeyPatch) -> None:
    """A gateway that shows the lists of before deceives nobody who holds the notice."""
    shown = read_folder(lists)

    async def older(_: object, agency: str) -> bytes:
        return next(data for name, data in shown.items() if name.startswith(f"{agency}."))

    patched.setattr(status_lists, "get_status_list", older)
    code, status = await story.told("status", str(old), *story.home)
    assert (code, status["standing"]) == (3, "superseded")


async def stale(story: Story, old: Path, others: tuple[Path, ...]) -> None:
    """The profiles know what they are worth; the lists are enough, without the gateway."""
    lists = story.folder / "lists"
    code, status = await story.told("status", str(old), "--save", str(lists), *story.home)
    assert code == 3
    (answer,) = [one for one in status["answers"] if one["standing"] == "superseded"]
    assert (answer["agency"], answer["datasets"]) == (TAX, ["arrears"])
    assert answer["corrections"][0]["fields"] == ["arrears"]
    assert (status["standing"], answer["code"]) == ("superseded", Reason.PROFILE_SUPERSEDED.code)
    bundle = str(story.running.sandbox.home_folder / "trust-bundle.json")
    offline = ("--lists", str(lists), "--bundle", bundle)
    for how in (story.home, offline):
        assert await story.command("status", str(old), *how) == 3
        for other in others:
            assert await story.command("status", str(other), *how) == 0
    assert await story.command("status", str(old), "--lists", str(old.parent), *offline[2:]) == 5
    state = story.running.sandbox.state(CITY, Role.REQUESTER)
    files = [*lists.iterdir(), *(state / "corrections").iterdir()]
    files += (state / "acknowledgements").iterdir()
    assert len(files) == 6
    for file in files:
        assert await story.command("verify", str(file), "--bundle", bundle) == 0


async def kept(story: Story, case: str) -> None:
    """The node has taken up that all were told, and gives the right value when it starts anew."""
    taken = Path(story.state()) / "cases" / case / "03-issued.taken.json"
    await story.until(taken.exists)
    await story.running.nodes[TAX].stop()
    await story.running.restart(TAX)
    assert "1,250.00" not in (await story.save("again.json")).read_text()


async def withdrawn(story: Story) -> None:
    """Of a dispute that is upheld there is nothing to set, and the notice says so."""
    dirty = complaint(FOOD, "findings", "findings.csv:2", BAKERY)
    case = await story.decided(Step.UPHELD, dirty)
    assert await story.command(*issue(story, case, FOOD), "--set", "finding=x") != 0
    code, issued = await story.told(*issue(story, case, FOOD))
    assert (code, issued["reason"]) == (0, "withdrawn")
    assert issued["notices"][0]["fields"] == ["closed", "finding", "visited"]
