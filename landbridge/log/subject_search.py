"""Searching a log for one subject, with the keys that its owner gave: an auditor's own tool.

The file of keys is JSON: the log's origin, and of each identifier its keys, month by month. Without
it the pseudonyms in a log lead to nobody.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from landbridge.errors import Reason, refuse
from landbridge.keys import read_private
from landbridge.log.pass_through import PassThrough
from landbridge.log.reading import LogReader
from landbridge.log.subject_keys import KEY_BYTES, SubjectKey, pseudonym

FORMAT: Final = "landbridge-subject-keys"
_LARGEST: Final = 1 << 20


def _key(value: object) -> object:
    if isinstance(value, str) and len(value) == 2 * KEY_BYTES:
        return bytes.fromhex(value)
    return value


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Format(_Form):
    name: Literal["landbridge-subject-keys"]
    version: Literal[1]


class _Key(_Form):
    period: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
    key: Annotated[bytes, BeforeValidator(_key), Field(min_length=KEY_BYTES, max_length=KEY_BYTES)]


class NamedKeys(_Form):
    """An identifier and its keys in one log."""

    scheme: Annotated[str, Field(max_length=64)]
    value: Annotated[str, Field(max_length=256)]
    keys: Annotated[tuple[_Key, ...], Field(max_length=10_000)]


class KeyFile(_Form):
    """Keys of subjects in one log."""

    format: _Format
    origin: Annotated[str, Field(max_length=255)]
    subjects: Annotated[tuple[NamedKeys, ...], Field(max_length=1_000)]

    def pseudonyms(self) -> dict[bytes, str]:
        """Return what the log calls the subjects, each with its identifier as people write it."""
        return {
            pseudonym(each.key, subject.scheme, subject.value): f"{subject.scheme}:{subject.value}"
            for subject in self.subjects
            for each in subject.keys
        }


def write_key_file(origin: str, subjects: Sequence[tuple[str, str, Sequence[SubjectKey]]]) -> bytes:
    """Write the keys of identifiers, each with its scheme, for an auditor."""
    document: dict[str, Any] = {
        "format": {"name": FORMAT, "version": 1},
        "origin": origin,
        "subjects": [
            {
                "scheme": scheme,
                "value": value,
                "keys": [{"period": each.period, "key": each.key.hex()} for each in keys],
            }
            for scheme, value, keys in subjects
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def read_key_file(path: Path) -> KeyFile:
    """Read a file of keys.

    Raises:
        LandbridgeError: LB-4011 when others may read it; LB-1101 when it cannot be read; LB-1106
            when it is no file of keys.
    """
    data = read_private(path)
    try:
        return KeyFile.model_validate_json(data[: _LARGEST + 1])
    except (ValidationError, ValueError) as error:
        raise refuse(
            Reason.USAGE,
            "this is no file of subjects' keys",
            where=str(path),
            next_step="name what `landbridge subject key` wrote",
        ) from error


def search(reader: LogReader, keys: KeyFile) -> Iterator[tuple[int, bytes, str]]:
    """Give index and bytes of each entry on a subject, and which identifier it names.

    Every entry is held against the log's head on the way. An entry that names two of the
    identifiers is given for the first.

    Raises:
        LandbridgeError: LB-1106 when the keys are of another log, or only hashes are there; LB-5001
            when the log cannot be read; LB-5002 when it is damaged.
    """
    if keys.origin != reader.origin:
        raise refuse(
            Reason.USAGE,
            f"the keys are of the log {keys.origin}, and this is {reader.origin}",
            next_step="ask the owner of this log for its keys: each log has keys of its own",
        )
    if not reader.has_entries:
        raise refuse(
            Reason.USAGE,
            "the published tiles hold hashes alone",
            next_step="search the log itself, or tiles that were exported with entries",
        )
    names = keys.pseudonyms()
    for start, page in PassThrough(reader).pages():
        for index, entry in enumerate(page, start):
            for name, subject in names.items():
                # 16 bytes of HMAC stand in an entry by no accident.
                if name in entry:
                    yield index, entry, subject
                    break
