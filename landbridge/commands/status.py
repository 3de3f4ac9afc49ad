"""`landbridge status`: whether a saved profile is still good, without reading any data again."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.clock import system_clock, to_iso
from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.status_lists import Lists, ask_lists, kept_notices, read_lists
from landbridge.commands.table import open_table, plain
from landbridge.document import read_document
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.profile_status import AnswerStatus, Standing, answer_places, answer_statuses
from landbridge.verification import verify_profile

_GOOD: Final = 0
_NOT_GOOD: Final = 3
_UNREACHABLE: Final = 5
_STYLES: Final = {Standing.GOOD: "green", Standing.SUPERSEDED: "red", Standing.UNKNOWN: "yellow"}


def status(  # noqa: PLR0913  one parameter an option
    file: Path,
    /,
    *,
    lists: Path | None = None,
    save: Path | None = None,
    agency: Annotated[str | None, Parameter(name="--as")] = None,
    bundle: Path | None = None,
    federation: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say whether a saved profile is still good, by the status lists of the agencies in it.

    The profile is verified first. The lists are of all answers of an agency: nobody learns which
    profile is asked about. Exit codes: 0 still good, 3 something was corrected, withdrawn or
    repaired since, 5 some list could not be had, or is too old.

    Args:
        file: A file that `landbridge profile ... --save FILE` wrote.
        lists: A folder of saved lists and notices, instead of asking the gateway.
        save: Also keep the lists, and this party's notices, in this folder, for `--lists` later.
        agency: Who asks, where it is not the home's own requester.
        bundle: With --lists: the federation's trust bundle; without it, that of the home folder.
        federation: With --bundle: the federation.toml.
        home: The home folder, where it is not .landbridge here or above.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4xxx when the profile does not verify; LB-1106 for unreadable files.
    """
    found = None if bundle and lists else Home.read(find_home(home))
    trusted = open_bundle(bundle or _home(found).bundle)
    terms = federation or (found.federation if found else None)
    document = read_document(read_named(file, "profile"))
    verified = verify_profile(
        document, trusted, federation=Federation.load(terms) if terms else None
    )
    places = answer_places(verified.signed, trusted)
    held: Lists
    if lists is not None:
        held = read_lists(lists, trusted)
        notices = kept_notices(found, agency, lists, trusted)
    else:
        held, notices = asyncio.run(ask_lists(_home(found), agency, places, save))
        # A notice that this party has counts also where an older list is shown to it.
        notices += kept_notices(found, agency, None, trusted)
    results = answer_statuses(places, held, notices, system_clock())
    _show(file, results, output)
    return _tell(results)


def _home(home: Home | None) -> Home:
    if home is None:
        raise refuse(Reason.USAGE, "there is no home folder to ask by", where="--home")
    return home


def _show(file: Path, results: list[AnswerStatus], output: Output) -> None:
    documents = [_document(one) for one in results]
    if output is Output.JSON:
        print_json({"file": str(file), "standing": _overall(results), "answers": documents}, output)
    elif output is Output.NDJSON:
        for document in documents:
            print_json(document, output)
    else:
        table = open_table("AGENCY", "ENTRY", "STANDS", "AS OF", "WHAT")
        for one, document in zip(results, documents, strict=True):
            table.add_row(
                plain(one.place.agency),
                str(one.place.index),
                plain(one.standing, _STYLES[one.standing]),
                document["as_of"],
                plain(_in_words(one)),
            )
        data_console().print(table)


def _document(one: AnswerStatus) -> dict[str, Any]:
    return {
        "agency": one.place.agency,
        "log": one.place.origin,
        "entry": one.place.index,
        "datasets": list(one.place.datasets),
        "standing": one.standing,
        "as_of": to_iso(one.as_of) if one.as_of else "",
        "code": _code(one),
        "why": one.error.message if one.error else "",
        "corrections": [
            {
                "correction": notice.id,
                "case": notice.case,
                "dataset": notice.dataset,
                "fields": list(notice.fields),
                "reason": notice.reason,
                "since": to_iso(notice.since),
                "issued_at": to_iso(notice.issued_at),
            }
            for notice in one.corrections
        ],
    }


def _code(one: AnswerStatus) -> str:
    if one.standing is Standing.SUPERSEDED:
        return Reason.PROFILE_SUPERSEDED.code
    return one.error.code if one.error else ""


def _overall(results: list[AnswerStatus]) -> Standing:
    """Say what a profile is worth: as much as the worst of its answers."""
    standings = {one.standing for one in results}
    worst = (Standing.SUPERSEDED, Standing.UNKNOWN)
    return next((one for one in worst if one in standings), Standing.GOOD)


def _in_words(one: AnswerStatus) -> str:
    if one.error is not None:
        return f"{one.error.code} {one.error.message}"
    told = [
        f"{notice.dataset}: {', '.join(notice.fields)} {notice.reason}, "
        f"wrong since {to_iso(notice.since)[:10]}"
        for notice in one.corrections
    ]
    return "; ".join(told) or ", ".join(one.place.datasets)


def _tell(results: list[AnswerStatus]) -> int:
    overall = _overall(results)
    for one in results:
        if one.standing is Standing.SUPERSEDED:
            since = f"by the list of {to_iso(one.as_of)}" if not one.corrections else "by notice"
            what = f"{one.place.agency}, entry {one.place.index}: {_in_words(one)}"
            talk(f"{_code(one)} no longer good {since}: {what}")
    if overall is Standing.SUPERSEDED:
        talk("next: ask for the profile again; `landbridge correction fetch` shows the notices")
        return _NOT_GOOD
    return _UNREACHABLE if overall is Standing.UNKNOWN else _GOOD
