"""`landbridge consent bind`: a consent desk says whose key a subject's own key is."""

import json
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.commands.consent_file import (
    open_federation,
    read_time,
    tell,
    write_new,
)
from landbridge.commands.output import Output, OutputOption, talk
from landbridge.consent.binding import bind_key
from landbridge.consent.person_key import read_public_key
from landbridge.keys import SigningKey

_COMPLETE: Final = 0


def bind(  # noqa: PLR0913  one parameter an option
    subject: str,
    /,
    *,
    public: Path,
    key: Path,
    until: str,
    start: Annotated[str, Parameter(name="--from")] = "",
    federation: Path | None = None,
    out: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Bind a subject's public key to the subject, for a time; see who it is before.

    With the file that this writes a person can give and revoke consents alone, and any subject can
    ask who looked, and challenge a record.

    Args:
        subject: Whose key it is, a person's or an organisation's: scheme, colon, identifier.
        public: The subject's public key (PEM, Ed25519 or P-256).
        key: The consent desk's key of the use consent.
        until: Until when it holds, such as 2026-05-01 or 2026-05-01T12:00:00Z.
        start: From when it holds; without it, now.
        federation: The federation.toml, or its folder; without it, the home folder's.
        out: The file to write; without it, binding-THUMBPRINT.json here.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1002 to LB-1004 for the identifier; LB-1101 for the public key;
            LB-4002 for a key of another use; LB-4011 for a key that others may read.
    """
    desk, held = SigningKey.load(key), read_public_key(public)
    introduced = bind_key(
        held,
        open_federation(federation).schemes.parse(subject),
        valid_from=read_time(start, "--from"),
        valid_until=read_time(until, "--until"),
        desk=desk,
    )
    target = out or Path(f"binding-{held.thumbprint}.json")
    write_new(target, json.dumps(introduced.model_dump(), indent=1).encode() + b"\n")
    tell(
        {"key": held.thumbprint, "desk": desk.agency, "file": str(target)},
        output,
        f"{desk.agency} has bound the key {held.thumbprint}: {target}",
    )
    talk("next: give the file to the subject, and to nobody else: it opens whom it is about")
    return _COMPLETE
