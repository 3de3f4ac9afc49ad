"""`landbridge profile SUBJECT`: asks the federation for one profile, verifies it and shows it."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.client import Client
from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.options import read_duration, read_wanted
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.render import next_steps, render_profile
from landbridge.errors import Reason, refuse
from landbridge.home import Home, find_home
from landbridge.keys import write_whole
from landbridge.profile import profile_document, write_document
from landbridge.query import Wanted
from landbridge.verification import verify_profile

EXIT_CODES: Final = {"complete": 0, "partial": 3, "refused": 4, "unreachable": 5}


def profile(  # noqa: PLR0913  one parameter an option
    subject: str,
    /,
    *,
    purpose: str,
    case: str,
    requester: Annotated[str | None, Parameter(name="--as")] = None,
    want: Annotated[list[str] | None, Parameter(negative=())] = None,
    sealed: Annotated[bool, Parameter(negative=())] = False,
    consent: Annotated[list[Path] | None, Parameter(negative=())] = None,
    deadline: str = "5s",
    home: Path | None = None,
    save: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Assemble the profile of one subject from every agency that may say something.

    Exit codes: 0 complete, 3 partial, 4 refused everywhere, 5 unreachable.

    Args:
        subject: Whom it is about: scheme, colon, identifier.
        purpose: Why you ask: one of the federation's purposes.
        case: Your own reference of the case.
        requester: As which agency you ask, where this machine holds keys of several.
        want: What you want, again for each: agency, agency/dataset, agency/dataset:field,field or
            agency/dataset:predicate(argument=value). Without it, all that you may see.
        sealed: Have every answer sealed, so that nobody can read it but you, the gateway included.
        consent: A consent record of the person asked about, again for each.
        deadline: How long to wait, as 5s or 800ms.
        home: The home folder, where it is not .landbridge here or above.
        save: Also write the JSON document to this file.
        output: table, json or ndjson.
    """
    found = Home.read(find_home(home))
    asking = _ask(
        found,
        requester,
        subject=subject,
        purpose=purpose,
        case=case,
        wanted=[read_wanted(text) for text in want or ()],
        sealed=sealed,
        consents=[read_named(path, "consent record") for path in consent or ()],
        timeout=read_duration(deadline),
    )
    document = asyncio.run(asking)
    if save is not None:
        _save(document, save)
    if output is Output.TABLE:
        render_profile(document, data_console())
        talk(next_steps(document, saved=str(save or "")))
    else:
        print_json(document, output)
    return EXIT_CODES[document["completeness"]["state"]]


async def _ask(  # noqa: PLR0913  what a query is made of
    home: Home,
    requester: str | None,
    *,
    subject: str,
    purpose: str,
    case: str,
    wanted: list[Wanted],
    sealed: bool,
    consents: list[bytes],
    timeout: float,
) -> dict[str, Any]:
    bundle = open_bundle(home.bundle)
    client = Client.from_home(home.folder, requester)
    try:
        federation = client.federation
        whom = federation.schemes.parse(subject)
        purpose = federation.check_purpose(purpose)
        (query,) = client.sign([whom], purpose, case, wanted, sealed=sealed, consents=consents)
        envelope = await client.send(query, timeout)
    finally:
        await client.close()
    document = profile_document(envelope)
    # Nothing is shown before every proof held: the gateway is not trusted for its word.
    verified = verify_profile(document, bundle, federation=federation, asked=query)
    if not sealed:
        return document
    opened = client.open(verified.signed)
    for agency, failure in opened.failures.items():
        talk(f"{failure.code}  {agency}: {failure.message}")
    return write_document(opened.signed)


def _save(document: dict[str, Any], path: Path) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise refuse(
            Reason.USAGE,
            f"the profile cannot be saved: {error.strerror}",
            where=str(path),
            next_step="name a file in a folder that may be written",
        ) from error
