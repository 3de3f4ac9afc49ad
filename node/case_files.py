"""The folder of cases, `cases/<case id>/` in the party's folder: the store of the signed documents.

01-opened.jws.json      the document, as it was received
01-opened.taken.json    written by the node once it counts: digest, time, entry of the log
clock.json              which times have passed, each with its entry of the log
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import write_whole
from landbridge.statement.signed import MAX_DOCUMENT

FOLDER: Final = "cases"
SUFFIX: Final = ".jws.json"
_RECEIPT: Final = ".taken.json"
_CLOCK: Final = "clock.json"
_CASE: Final = re.compile(r"[0-9a-f]{32}")
_STEP: Final = re.compile(r"(0[1-9]|[1-9]\d)-([a-z-]{1,20})\.jws\.json")
_FRESH_NS: Final = 2_000_000_000
"""A folder that changed so lately may change again without a new time of change."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the node wrote down when a step counted; it is believed as far as the log confirms."""

    digest: str
    taken_at: int
    entry: int


@dataclass(frozen=True, slots=True)
class StepFile:
    """A step's document as it lies in the folder."""

    number: int
    step: str
    path: Path
    document: bytes
    receipt: Receipt | None


def step_name(number: int, step: str) -> str:
    """Name the file of a step."""
    return f"{number:02d}-{step}{SUFFIX}"


class CaseFiles:
    """The folder of a node's cases."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER
        self._looked: dict[str, int] = {}

    def folder_of(self, case_id: str) -> Path:
        """Name the folder of a case."""
        return self._folder / case_id

    def changed(self) -> Iterator[str]:
        """Give the cases whose folder has changed since the last look."""
        try:
            folders = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return
        for folder in folders:
            if not _CASE.fullmatch(folder.name):
                continue
            try:
                stamp = folder.stat().st_mtime_ns
            except FileNotFoundError:
                continue
            if self._looked.get(folder.name) != stamp:
                fresh = time.time_ns() - stamp < _FRESH_NS
                self._looked[folder.name] = -1 if fresh else stamp
                yield folder.name

    def look_again(self, case_id: str) -> None:
        """Give a case as changed at the next look, whatever becomes of its folder."""
        self._looked.pop(case_id, None)

    def read(self, case_id: str) -> list[StepFile]:
        """Read the steps of a case, in their order, of two of one number the one that counts first.

        Raises:
            LandbridgeError: LB-5001 when one cannot be read.
        """
        found = []
        try:
            for path in self._documents(case_id):
                named = _STEP.fullmatch(path.name)
                if named is not None and _is_document(path):
                    receipt = _read_receipt(_beside(path))
                    step = StepFile(int(named[1]), named[2], path, path.read_bytes(), receipt)
                    found.append(step)
        except FileNotFoundError:
            return found
        except OSError as error:
            raise _failed(self.folder_of(case_id), error) from error
        return sorted(found, key=lambda step: (step.number, step.receipt is None))

    def find(self, case_id: str, step: str, digest: bytes) -> StepFile:
        """Return the document of a step that counts.

        Raises:
            LandbridgeError: LB-1105 when it is not there; LB-5001 as for `read`.
        """
        for file in self.read(case_id):
            if sha256(file.document).digest() == digest:
                return file
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"the step {step} counts, and the folder has not its document",
            where=str(self.folder_of(case_id)),
            next_step="restore it: the node does not start without it, as a record would come back"
            " that is given no more, or lose its flag",
        )

    def check_names(self, case_id: str) -> None:
        """Check that every document in the folder of a case can be a step.

        Raises:
            LandbridgeError: LB-4107 at the first that cannot.
        """
        for path in self._documents(case_id):
            if _STEP.fullmatch(path.name) is None or not _is_document(path):
                raise refuse(
                    Reason.MALFORMED_CASE,
                    "the file cannot be a step of a case",
                    where=str(path),
                    next_step="remove it",
                )

    def _documents(self, case_id: str) -> list[Path]:
        return sorted(self.folder_of(case_id).glob(f"*{SUFFIX}"))

    def put(self, case_id: str, number: int, step: str, document: bytes) -> Path:
        """Write the document of a step.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-4110 when another one lies there.
        """
        path = self.folder_of(case_id) / step_name(number, step)
        if path.exists():
            raise refuse(
                Reason.CASE_CONFLICT,
                "another document for this step is there, and the node has not taken it",
                where=str(path),
                next_step="see the alarms in the node's own log",
            )
        _write(path, document)
        return path

    def count(self, path: Path, receipt: Receipt) -> None:
        """Write down that a step counts.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses.
        """
        fields = {
            "digest": receipt.digest,
            "taken_at": receipt.taken_at,
            "entry": receipt.entry,
        }
        _write(_beside(path), json.dumps(fields).encode() + b"\n")

    def take_back(self, path: Path) -> None:
        """Remove a document that never came to count."""
        path.unlink(missing_ok=True)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()

    def told(self, case_id: str) -> dict[str, int]:
        """Return which times have passed, as far as the log was told, each with its entry."""
        path = self.folder_of(case_id) / _CLOCK
        try:
            found = json.loads(path.read_bytes()) if path.exists() else {}
            return {str(what): int(entry) for what, entry in found.items()}
        except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            # It is a memory of what the log was told: without it the log is told once more.
            return {}

    def tell(self, case_id: str, told: dict[str, int]) -> None:
        """Write down which times have passed.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses.
        """
        _write(self.folder_of(case_id) / _CLOCK, json.dumps(told).encode() + b"\n")


def _is_document(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= MAX_DOCUMENT


def _beside(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(SUFFIX) + _RECEIPT)


def _read_receipt(path: Path) -> Receipt | None:
    try:
        found: Any = json.loads(path.read_bytes())
        return Receipt(str(found["digest"]), int(found["taken_at"]), int(found["entry"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        # It is a memory of what the log holds, which tells as much without it.
        return None


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> LandbridgeError:
    return refuse(Reason.LOG_UNAVAILABLE, f"the folder of cases: {error.strerror}", where=str(path))
