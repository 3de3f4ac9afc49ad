"""Logs and witnesses without a federation: real files, keys made here, a clock that is set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.merkle import EMPTY_ROOT
from landbridge.log.note import NoteSigner
from landbridge.log.own_log import OwnLog
from landbridge.log.store import LogStore
from landbridge.log.witness import Witness
from landbridge.log.witness_file import WitnessFile
from landbridge.log.witnessed_head import HeadKeys

NOW = 1_794_000_000_000


def origin_of(agency: str) -> str:
    return f"{agency}.town.example/node/main"


@dataclass
class Town:
    """Parties with a log key each; what they trust of one another can be changed."""

    folder: Path
    now: int = NOW
    keys: dict[str, list[SigningKey]] = field(default_factory=dict)
    former: dict[str, list[SigningKey]] = field(default_factory=dict)
    """Keys that gave way to others in good order."""
    tainted: list[SigningKey] = field(default_factory=list)
    """Keys that were tainted a moment ago: good until an hour before."""
    files: list[WitnessFile] = field(default_factory=list)
    logs: list[LogStore] = field(default_factory=list)

    def key(self, agency: str) -> SigningKey:
        """Return a party's key that signs now."""
        if agency not in self.keys:
            self.keys[agency] = [SigningKey.generate(agency, KeyUse.LOG)]
        return self.keys[agency][-1]

    def clock(self) -> int:
        return self.now

    def keys_of(self, origin: str) -> Sequence[Ed25519PublicKey]:
        agency = origin.partition(".town")[0]
        if agency not in self.keys:
            raise refuse(Reason.UNTRUSTED_KEY, f"the log {origin} is not listed")
        return [key.public for key in self.keys[agency]]

    def past_keys(self, origin: str, at: int | None = None) -> Sequence[Ed25519PublicKey]:
        agency = origin.partition(".town")[0]
        former = [key.public for key in self.former.get(agency, ())]
        if at is not None and at < self.now - 3_600_000:
            former += [key.public for key in self.tainted if key.agency == agency]
        return [*self.keys_of(origin), *former]

    @property
    def head_keys(self) -> HeadKeys:
        return HeadKeys(self.keys_of, self.past_keys, lambda name, _: self.keys_of(name))

    def log(self, agency: str, copy: str = "") -> LogStore:
        """Open a log of a party; under another name of a copy it is another history."""
        path = self.folder / f"{agency}{copy}.sqlite"
        self.logs.append(LogStore.open(path, origin_of(agency), self.key(agency)))
        return self.logs[-1]

    def file(self, agency: str) -> WitnessFile:
        folder = self.folder / f"party-{agency}"
        folder.mkdir(exist_ok=True)
        self.files.append(WitnessFile.open(folder))
        return self.files[-1]

    def witness(self, agency: str) -> Witness:
        return Witness(
            self.file(agency),
            origin_of(agency),
            self.key(agency),
            self.keys_of,
            self.past_keys,
            clock=self.clock,
        )

    def own(self, log: LogStore, told: list[LandbridgeError | None] | None = None) -> OwnLog:
        agency = log.origin.partition(".town")[0]
        return OwnLog(
            log,
            self.file(agency),
            keys=self.head_keys,
            changed=(told if told is not None else []).append,
            clock=self.clock,
        )

    def signed(self, agency: str, size: int, root: bytes = EMPTY_ROOT) -> bytes:
        """Sign a head that no log stands under."""
        signer = NoteSigner(origin_of(agency), self.key(agency))
        return signer.sign(Checkpoint(origin_of(agency), size, root).text())

    def close(self) -> None:
        for file in self.files:
            file.close()
        for log in self.logs:
            log.close()


def fill(log: LogStore, count: int, mark: str = "") -> None:
    """Append entries that are the same in each log with the same mark."""
    start = log.size
    log.append([f"{mark} entry {number}".encode() for number in range(start, start + count)])


def bring(log: LogStore, witness: Witness, old: int) -> bytes:
    """Bring a log's newest head to a witness with the proof from an old size."""
    path = log.consistency_proof(old, log.size) if 0 < old < log.size else ()
    return witness.add(log.head(), old, path).line
