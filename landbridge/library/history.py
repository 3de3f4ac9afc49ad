"""Since when a party has known its documents: the past, without a walk through its log.

The party's verifiable log is the truth: an entry is written for each document that begins to count
or ceases to. Beside it lie an index of these entries, and the documents themselves, named by their
digest, so that what counted then can be read when its file is long gone.

1. Keep the documents. 2. Write into the index what is about to be logged. 3. Log it. 4. Write into
the index that it is logged. After a crash between 2 and 4 the log is asked, from where it stood
at 2; where the index is lost, from its beginning.

Several processes may follow one folder: whoever writes holds the index alone, and takes up first
what the others have written.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from landbridge.errors import Reason, refuse
from landbridge.file_state import FileState, file_state
from landbridge.keys import read_public_file, write_whole
from landbridge.library.changes import Change, Logged, Recorder
from landbridge.library.kinds import SUFFIX, Kind, digest_of

FOLDER: Final = "known"
_INDEX: Final = "index.jsonl"
_LOCK: Final = "index.lock"


class History:
    """The changes of one party's documents, in order.

    `note` them while `writing`; others may read meanwhile.
    """

    def __init__(self, state: Path) -> None:
        """Read the index.

        Raises:
            LandbridgeError: LB-1101 when it cannot be read; LB-5002 when it is no index.
        """
        self._folder = state / FOLDER
        self._path = self._folder / _INDEX
        self._announced: int | None = 0
        self.logged: list[Logged] = []
        self._length = 0
        self._seen: FileState = ()
        self._unwritten: list[Logged] = []
        self._read()

    @contextmanager
    def writing(self, recorder: Recorder) -> Iterator[bool]:
        """Hold the index alone; give whether anything was taken up that this one did not know.

        That is what other processes have written, and from the log what a crash kept out.

        Raises:
            LandbridgeError: LB-1101 when the index cannot be read, LB-5002 when it is none; LB-5001
                and LB-5002 when it cannot be held, or when the log cannot be read.
        """
        with self._locked():
            known = len(self.logged)
            if file_state(self._path) != self._seen:
                self._read()
            if self._announced is not None:
                self._recover(recorder, self._announced)
            yield len(self.logged) > known

    def counting(self, at: int | None = None) -> dict[tuple[Kind, str], Logged]:
        """Return what counted at a time, in the order in which it came; without one, at the end.

        The keys are the kind of a document and its digest.
        """
        standing: dict[tuple[Kind, str], Logged] = {}
        for one in self.logged:
            if at is not None and one.at > at:
                break
            standing.pop((one.change.kind, one.change.digest), None)
            if not one.change.withdrawn:
                standing[one.change.kind, one.change.digest] = one
        return standing

    def ever(self, at: int | None = None) -> list[tuple[Kind, str]]:
        """Return the kind and digest of each document that counted at some time, in order."""
        until = [one for one in self.logged if at is None or one.at <= at]
        taken = (one.change for one in until if not one.change.withdrawn)
        return list(dict.fromkeys((change.kind, change.digest) for change in taken))

    def restore(self, documents: Iterable[bytes]) -> None:
        """Keep again what was lost of the documents that counted, where they are at hand."""
        ever = {digest for _, digest in self.ever()}
        for document in documents:
            digest = digest_of(document)
            if digest in ever and not self.path(digest).exists():
                write_whole(self.path(digest), document, mode=0o644)

    def note(
        self, changes: Sequence[Change], documents: Mapping[str, bytes], recorder: Recorder
    ) -> None:
        """Log changes, and remember when; `documents` holds what is new, by its digest.

        Call it while `writing`.

        Raises:
            LandbridgeError: LB-5001 and LB-5002 when the log does not take them: then nothing is
                remembered.
        """
        try:
            for digest, document in documents.items():
                write_whole(self.path(digest), document, mode=0o644)
            self._add([{"announced": recorder.size()}])
        except OSError as error:
            raise _unwritable(self._path, error) from error
        after = self.logged[-1].at if self.logged else 0
        logged = list(recorder.append(changes, after=after))
        self.logged += logged
        self._unwritten += logged
        # They stand in the log: what the disk refuses now is written with the next change, or is
        # taken from the log at the next start.
        with suppress(OSError):
            self._add(())

    def path(self, digest: str) -> Path:
        """Return where a document that once counted is kept."""
        return self._folder / f"{digest}{SUFFIX}"

    def document(self, digest: str) -> bytes:
        """Return a document that once counted.

        Raises:
            LandbridgeError: LB-1101 when it is not kept; LB-5002 when it is not what was logged.
        """
        path = self.path(digest)
        document = read_public_file(path)
        if digest_of(document) != digest:
            raise refuse(
                Reason.LOG_DAMAGED,
                "the document is not the one that the log names",
                where=str(path),
                next_step="restore the folder from a copy",
            )
        return document

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._folder / _LOCK
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = open(path, "ab", opener=_open)  # noqa: SIM115  closed below, which frees it
        except OSError as error:
            raise _unwritable(path, error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                raise _unwritable(path, error) from error
            yield

    def _read(self) -> None:
        """Read the index; what is known and does not stand in it is to be written again."""
        seen, length = file_state(self._path), 0
        announced: int | None = 0
        found: list[Logged] = []
        for line, fields in self._lines():
            length += len(line)
            if isinstance(fields.get("announced"), int):
                announced = fields["announced"]
            else:
                announced = None
                found += _read_line(fields)
        held = {one.entry for one in found}
        self._unwritten = [one for one in self.logged if one.entry not in held]
        self.logged = _in_order((*found, *self._unwritten))
        self._announced, self._length, self._seen = announced, length, seen

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        if not self._path.exists():
            return
        data = read_public_file(self._path)
        for number, line in enumerate(data.splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                return  # torn by a crash: what was about to be written is written again
            try:
                fields = json.loads(line)
            except (ValueError, RecursionError):
                fields = None
            if not isinstance(fields, dict):
                raise _damaged(f"{self._path}:{number}")
            yield line, fields

    def _recover(self, recorder: Recorder, announced: int) -> None:
        held = {one.entry for one in self.logged}
        found = [one for one in recorder.since(announced) if one.entry not in held]
        self._unwritten += found
        self.logged = _in_order((*self.logged, *found))
        try:
            self._add(() if self._unwritten else [{"announced": recorder.size()}])
        except OSError as error:
            raise _unwritable(self._path, error) from error
        self._announced = None

    def _add(self, lines: Iterable[Mapping[str, Any]]) -> None:
        written = (_line(self._unwritten),) if self._unwritten else ()
        data = b"".join(
            json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in (*written, *lines)
        )
        with open(self._path, "ab", opener=_open) as file:
            file.truncate(self._length)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._length += len(data)
        self._unwritten.clear()
        self._seen = file_state(self._path)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags, 0o644)


def _in_order(logged: Iterable[Logged]) -> list[Logged]:
    return sorted(logged, key=lambda one: one.entry)


def _line(logged: Iterable[Logged]) -> dict[str, Any]:
    # One line, so that a crash keeps all of it out or none.
    return {"logged": [_fields(one) for one in logged]}


def _fields(logged: Logged) -> dict[str, Any]:
    change = logged.change
    fields: dict[str, Any] = {
        "at": logged.at,
        "entry": logged.entry,
        "kind": change.kind,
        "subject": change.subject,
        "digest": change.digest,
    }
    marks = {"withdrawn": change.withdrawn, "barred": change.barred}
    return fields | {mark: True for mark, yes in marks.items() if yes}


def _read_line(line: Mapping[str, Any]) -> list[Logged]:
    try:
        return [_read_fields(fields) for fields in line["logged"]]
    except (KeyError, ValueError, TypeError, AttributeError):
        raise _damaged(f"{FOLDER}/{_INDEX}") from None


def _read_fields(fields: Mapping[str, Any]) -> Logged:
    change = Change(
        Kind(fields["kind"]),
        str(fields["subject"]),
        str(fields["digest"]),
        withdrawn=bool(fields.get("withdrawn")),
        barred=bool(fields.get("barred")),
    )
    return Logged(change, int(fields["at"]), int(fields["entry"]))


def _unwritable(path: Path, error: OSError) -> Exception:
    return refuse(
        Reason.LOG_UNAVAILABLE,
        f"the index of documents cannot be written: {error.strerror}",
        where=str(path),
    )


def _damaged(where: str) -> Exception:
    return refuse(
        Reason.LOG_DAMAGED,
        "the index of documents holds a line that is none",
        where=where,
        next_step="remove the index: it is made anew from the log at the next start",
    )
