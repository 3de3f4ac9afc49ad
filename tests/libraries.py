"""Libraries for tests: a party's folder with real keys, trust and log, and who signs into it."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from landbridge.agency import Role
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from landbridge.keys import SigningKey
from landbridge.library.arrangement import Accept
from landbridge.library.kinds import Kind
from landbridge.library.shelf import Refused
from landbridge.library.store import Library
from landbridge.log.store import LogStore
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.notice import SignedNotice, WrittenNotice
from landbridge.memorandum.signature import SignedForm
from landbridge.memorandum.signed_form import sign
from landbridge.rpc.document_log import DocumentLog, read_document_entry
from landbridge.trust.store import TrustStore
from tests.memoranda import make_memorandum
from tests.pki import BOARD, COUNCIL, FEDERATION, REGISTRY, shared_federation

ALWAYS = ("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
PARTIES = (REGISTRY, BOARD)


def memorandum(
    name: str = "pair",
    parties: Sequence[str] = PARTIES,
    *,
    valid: tuple[str, str] = ALWAYS,
    amends: str = "",
    title: str = "",
) -> Memorandum:
    """Make one by which its first party releases to its second the dataset of its own name."""
    grant = {"provider": parties[0], "requesters": [parties[1]], "dataset": name}
    grants = [grant, {**grant, "clause": "2", "fields": ["g"]}]
    if title:
        grants.append({**grant, "clause": title})
    return make_memorandum(grants, name=name, parties=parties, valid=valid, amends=amends)


class PartyDesk:
    """The folder of the registry's node, and the keys of all agencies."""

    def __init__(self, folder: Path, *, clock: Clock = system_clock) -> None:
        self.pki = shared_federation()
        self.state = folder / "registry"
        shutil.copytree(self.pki.state(REGISTRY, Role.NODE), self.state)
        self.store = TrustStore.open(self.state)
        self.clock = clock
        self.refused: list[tuple[str, str]] = []
        self.failed: list[LandbridgeError] = []
        self.log = self.open_log()

    def open_log(self) -> LogStore:
        key = SigningKey.load(self.state / "keys" / "log.key")
        origin = f"{REGISTRY}.{FEDERATION}/node/main"
        return LogStore.open(self.state / "log.sqlite", origin, key)

    def key(self, agency: str) -> SigningKey:
        role = Role.REQUESTER if agency in (BOARD, COUNCIL) else Role.NODE
        return SigningKey.load(self.pki.state(agency, role) / "keys" / "memorandum.key")

    def form(self, text: Memorandum, *agencies: str) -> bytes:
        """Have these agencies sign, or all parties."""
        form = SignedForm(text.to_json())
        for agency in agencies or text.parties:
            form = form.add(self.key(agency), agency)
        return form.to_bytes()

    def notice(  # noqa: PLR0913
        self,
        text: Memorandum,
        kind: str,
        *signers: str,
        since: str = "2026-01-01T00:00:00Z",
        clauses: Sequence[str] = (),
        digest: str = "",
        by: Sequence[str] = (),
    ) -> bytes:
        written = WrittenNotice.draft(
            {
                "notice": kind,
                "memorandum": text.id,
                "digest": digest or text.digest,
                "from": since,
                "reason": "Audit",
                "clauses": list(clauses),
                "signers": list(signers),
            }
        )
        payload = written.to_json()
        signatures = tuple(sign(payload, self.key(agency)) for agency in by or signers)
        return SignedNotice(payload, signatures).to_bytes()

    def put(self, name: str, document: bytes, kind: Kind = Kind.MEMORANDUM) -> Path:
        path = self.state / kind.folder / f"{name}.jws.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(document)
        return path

    def library(self, *, agency: str = REGISTRY, accept: Accept | None = None) -> Library:
        def tell(refused: Refused) -> None:
            self.refused.append((refused.path.name.partition(".")[0], refused.error.code))

        return Library(
            self.state,
            self.store,
            recorder=DocumentLog(self.log, clock=self.clock),
            refused=tell,
            agency=agency,
            accept=accept,
            clock=self.clock,
        )

    def logged(self) -> list[tuple[str, bool]]:
        """Return subject and withdrawal of each document entry of the log, oldest first."""
        entries = [read_document_entry(*each) for each in self.log.entries_backwards()]
        found = [each for each in entries if each is not None]
        return [(each.change.subject, each.change.withdrawn) for each in reversed(found)]


def ids(library: Library) -> list[str]:
    """Name the memoranda that count."""
    return [each.id for each in library.shelf.memoranda]


def raised(call: Callable[[], object]) -> LandbridgeError:
    """Return the error that a call raises."""
    try:
        call()
    except LandbridgeError as error:
        return error
    raise AssertionError("it was not refused")
