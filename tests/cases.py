"""Cases for tests: one agency with two datasets, its log, its folder, and what the subject writes.

Records of `sanctions` are named by a column, those of `notes` by the line of their file. The agency
is one of the shared federation; desks and keys are those of tests.consents.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.jurisdiction import Allowed, Jurisdiction
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore
from landbridge.period import Period
from landbridge.rights.case import Case
from landbridge.rights.opening import Complaint, write_opening
from landbridge.rights.speaker import Voice
from landbridge.rights.step_document import write_step
from landbridge.rights.steps import CaseKind, Step
from landbridge.subject import SubjectId
from landbridge.v1 import log_pb2
from node.case_clock import CaseClock
from node.case_files import CaseFiles
from node.case_intake import CaseIntake
from node.case_log import CaseLog
from node.case_rules import case_rules
from node.cases import Cases
from node.config import NodeConfig, load_node_config
from node.flags import Flags
from node.record_check import RecordCheck
from node.sources.source import Source
from tests.consents import desks
from tests.pki import BOARD, REGISTRY, SCHOOLS, shared_federation

ORIGIN: Final = f"{REGISTRY}.federation.example/node/main"
DAY: Final = 86_400_000
NORTH: Final = SubjectId("school", "000001")
SOUTH: Final = SubjectId("school", "000002")
PERSON: Final = "37605030299"
FEDERATION: Final = rf"""
[federation]
name = "federation.example"
title = "Cases"
[gateway]
agency = "exchange"
[agencies."{REGISTRY}"]
title = "Registry"
roles = ["node"]
[agencies."{SCHOOLS}"]
title = "Schools"
roles = ["node"]
[agencies."{BOARD}"]
title = "Board"
roles = ["requester"]
[schemes.school]
title = "School number"
subject_kind = "legal-entity"
pattern = '\d{{6}}'
[schemes.tax]
title = "Tax number"
subject_kind = "legal-entity"
pattern = 'T\d+'
[schemes.person]
title = "Personal code"
subject_kind = "natural-person"
stdnum = "ee.ik"
[purposes.review]
title = "Review"
[jurisdictions.month]
title = "A month"
source = "Act 1"
answer_within = "P1M"
extension = "P2M"
reminders = ["P10D", "P3D"]
repair_working_days = 10
[jurisdictions.stays]
title = "Statements stay"
source = "Act 2"
answer_within = "P30D"
statement_stays = true
"""
NODE: Final = f"""
[node]
agency = "{REGISTRY}"
records = ["."]
[rights]
jurisdiction = "month"
[[files]]
table = "sanctions"
path = "sanctions.csv"
[[files]]
table = "notes"
path = "notes.csv"
[[datasets]]
name = "sanctions"
title = "Sanctions"
table = "sanctions"
subject_kind = "legal-entity"
record = ["number", "year"]
deciding = "{SCHOOLS}"
[[datasets.keys]]
scheme = "school"
column = "school"
[[datasets.keys]]
scheme = "tax"
column = "tax"
[[datasets.fields]]
name = "school"
column = "school"
type = "identifier"
scheme = "school"
[[datasets.fields]]
name = "level"
column = "level"
[[datasets.fields]]
name = "why"
column = "why"
[[datasets]]
name = "notes"
title = "Notes"
table = "notes"
subject_kind = "legal-entity"
jurisdiction = "stays"
[[datasets.keys]]
scheme = "school"
column = "school"
[[datasets.fields]]
name = "school"
column = "school"
type = "identifier"
scheme = "school"
[[datasets.fields]]
name = "note"
column = "note"
"""
SANCTIONS: Final = (
    "number,year,school,tax,level,why\n"
    "S1,2024,000001,T1,heavy,late\nS2,2024,000001,T1,light,lost\nS1,2025,000002,T2,light,late\n"
)
NOTES: Final = "school,note\n000001,first\n000002,second\n"


@dataclass
class Registry:
    """The agency's node, as far as cases go."""

    folder: Path
    config: NodeConfig
    federation: Federation
    source: Source
    log: LogStore
    now: int
    told: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Read everything from the disk, as a process does that starts."""
        schemes = self.federation.schemes
        alarms = Alarms(lambda kind, why: self.told.append((kind, str(why))))
        files, log = CaseFiles(self.folder), CaseLog(self.log, schemes)
        rules = case_rules(self.config, self.federation)
        self.flags = Flags(lambda: self.now)
        records = RecordCheck(self.source, rules, schemes)
        intake = CaseIntake(
            agency=REGISTRY,
            records=records,
            rules=rules,
            schemes=schemes,
            bundle=lambda: desks().bundle,
            desks=None,
        )
        self.cases = Cases(
            files=files,
            log=log,
            intake=intake,
            records=records,
            rules=rules,
            flags=self.flags,
            alarms=alarms,
            clock=lambda: self.now,
        )
        self.clock = CaseClock(self.cases, files, log, alarms, lambda: self.now)
        self.case_log = log
        self.cases.restore()
        self.cases.follow()

    @property
    def steps_logged(self) -> list[str]:
        """What the log holds on cases, in its order."""
        entries = [log_pb2.LogEntry.FromString(data) for data in self.log.entries()]
        return [entry.case_step.step for entry in entries if entry.case_step.id]

    def open(self, voice: Voice | None = None, **changes: Any) -> Case:
        """Submit what opens a case, right but for the changes."""
        return self.cases.submit(self.opening(voice, **changes)).case

    def opening(self, voice: Voice | None = None, **changes: Any) -> bytes:
        right: dict[str, Any] = {
            "kind": CaseKind.DISPUTE,
            "agency": REGISTRY,
            "dataset": "sanctions",
            "record": "S1/2024",
            "subject": NORTH,
            "statement": "The school was never late.",
            "fields": ("level",),
        }
        case_id = changes.pop("case_id", "")
        complaint = Complaint(**(right | changes))
        signer = voice or desks().key
        return write_opening(complaint, signer, at=self.now, case_id=case_id).to_bytes()

    def step(self, case: Case, step: Step, **changes: Any) -> bytes:
        """Write the step that an agency takes next."""
        right: dict[str, Any] = {
            "previous": case.last.digest,
            "agency": REGISTRY,
            "key": memorandum_key(case.deciding),
            "at": self.now,
            "reason": "" if step in (Step.UNDER_REVIEW, Step.ISSUED) else "We looked again.",
        }
        return write_step(case.id, step, **(right | changes)).to_bytes()

    def take(self, case: Case, step: Step, **changes: Any) -> Case:
        return self.cases.submit(self.step(case, step, **changes)).case


def memorandum_key(agency: str) -> SigningKey:
    """Return the key with which an agency of the shared federation decides."""
    for identity, party in shared_federation().parties.items():
        if identity.agency == agency and identity.role in (Role.NODE, Role.REQUESTER):
            return next(key for key in party.keys.values() if key.use is KeyUse.MEMORANDUM)
    raise AssertionError(agency)


@contextmanager
def running(
    folder: Path, node: str = NODE, log_key: SigningKey | None = None, origin: str = ORIGIN
) -> Iterator[Registry]:
    """Run the agency in a folder, with a log of its own."""
    key = log_key or SigningKey.generate(REGISTRY, KeyUse.LOG)
    log = LogStore.open(folder / "log.sqlite", origin, key, look_up_key=bytes(32))
    made = _write(folder, log, node)
    yield made
    made.source.close()
    log.close()


def _write(folder: Path, log: LogStore, node: str) -> Registry:
    (folder / "sanctions.csv").write_text(SANCTIONS)
    (folder / "notes.csv").write_text(NOTES)
    (folder / "federation.toml").write_text(FEDERATION)
    (folder / "node.toml").write_text(node)
    federation = Federation.load(folder / "federation.toml")
    config = load_node_config(folder / "node.toml", federation)
    source = Source.open(config, federation, folder / "work")
    return Registry(folder, config, federation, source, log, desks().now)


def refusal(registry: Registry, document: bytes) -> str:
    """Return the code with which a document is refused."""
    try:
        registry.cases.submit(document)
    except LandbridgeError as error:
        return error.code
    return "taken"


def law(**changes: Any) -> Jurisdiction:
    """Return a jurisdiction of thirty days, with changes."""
    right: dict[str, Any] = {
        "name": "law",
        "title": "Law",
        "source": "Act 1",
        "dispute": Allowed(Period.parse("P30D"), 0),
        "repair": Allowed(None, 10),
        "extension": None,
        "reminders": (),
        "statement_stays": False,
        "time_zone": "UTC",
        "holidays": frozenset(),
    }
    return Jurisdiction(**(right | changes))
