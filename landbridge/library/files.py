"""The files of a party's documents: looked at often, read when they change, opened once."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from landbridge.errors import LandbridgeError
from landbridge.keys import read_public_file
from landbridge.library.kinds import SUFFIX, Kind, digest_of
from landbridge.library.opened import Opened, open_document
from landbridge.library.shelf import Found, Refused
from landbridge.trust.bundle import TrustBundle

Stamp = tuple[int, int, int]
"""What tells whether a file has changed."""
Files = dict[Path, Stamp]


def look(state: Path) -> Files:
    """Return the documents in a folder and what tells whether one has changed."""
    files: Files = {}
    for kind in Kind:
        for path in sorted((state / kind.folder).glob(f"*{SUFFIX}")):
            # Gone meanwhile: then it is no longer there.
            with suppress(FileNotFoundError):
                found = path.stat()
                files[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
    return files


def read_all(
    files: Files, before: Mapping[Path, Stamp], data: Mapping[Path, bytes]
) -> dict[Path, bytes]:
    """Read the files that are not as they were before.

    Raises:
        LandbridgeError: LB-1101 when one cannot be read.
    """
    return {
        path: data[path] if path in data and before.get(path) == stamp else read_public_file(path)
        for path, stamp in files.items()
    }


def open_all(
    data: Mapping[Path, bytes],
    bundle: TrustBundle,
    at: int,
    memory: dict[str, Opened | LandbridgeError],
) -> tuple[list[Found], list[Refused]]:
    """Open documents, those that were opened before by this trust from memory."""
    found: list[Found] = []
    refused: list[Refused] = []
    seen: dict[str, Opened | LandbridgeError] = {}
    for path, document in data.items():
        digest = digest_of(document)
        opened = memory.get(digest) or _open(document, bundle, at)
        seen[digest] = opened
        if isinstance(opened, LandbridgeError):
            refused.append(Refused(path, opened))
        else:
            found.append(Found(path, opened))
    memory.clear()
    memory.update(seen)
    return found, refused


def _open(document: bytes, bundle: TrustBundle, at: int) -> Opened | LandbridgeError:
    try:
        return open_document(document, bundle, at)
    except LandbridgeError as error:
        return error
