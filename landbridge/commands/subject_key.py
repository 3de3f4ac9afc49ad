"""`landbridge subject key` and `landbridge subject erase`: a subject's keys in a party's log."""

from contextlib import closing
from pathlib import Path

from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import plain
from landbridge.counted import counted
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.keys import write_whole
from landbridge.log.backup import replaced_files
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.database import LogDatabase
from landbridge.log.note import parse_note
from landbridge.log.own_database import own_database
from landbridge.log.subject_keys import open_keys_in, open_subject_keys
from landbridge.log.subject_search import write_key_file
from landbridge.log.tables import read_head
from landbridge.subject import SubjectId


def key(
    subject: str,
    /,
    *others: str,
    state: Path,
    to: Path,
    federation: Path | None = None,
    home: Path | None = None,
) -> int:
    """Write the keys of a subject in a party's log for an auditor, who can search with them.

    Whoever has the file finds every entry on the subject in this log, and no other. Hand it over
    safely; it is as long of use as the entries are kept, also after an erasure here.

    Args:
        subject: Scheme, colon, identifier.
        others: More subjects, or more identifiers of one.
        state: The party's folder.
        to: The file to write, readable by its owner alone.
        federation: federation.toml, where it is not the one of the home folder.
        home: The home folder, where it is not .landbridge here or above.

    Raises:
        LandbridgeError: LB-1002 to LB-1004 for identifiers; LB-1101 when the folder holds no log or
            no pseudonym.key; LB-1106 when the file cannot be written; LB-5001 and LB-5002 when the
            log cannot be read.
    """
    subjects = _read((subject, *others), federation, home)
    with closing(open_subject_keys(state)) as keys:
        found = [(each.scheme, each.value, keys.keys(each.scheme, each.value)) for each in subjects]
    data = write_key_file(_origin(state), found)
    try:
        write_whole(to, data)
    except OSError as error:
        raise refuse(
            Reason.USAGE,
            f"the keys cannot be written: {error.strerror}",
            where=str(to),
            next_step="name a file in a folder that may be written",
        ) from error
    count = sum(len(months) for _, _, months in found)
    talk(f"{to}: keys of months: {count}, of identifiers: {len(found)}")
    talk(f"next: landbridge log search LOG --keys {to}")
    return 0


def erase(
    subject: str,
    /,
    *others: str,
    state: Path,
    federation: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Erase the keys of a subject in a party's log: nobody can find its entries there any more.

    The entries stay, and every proof goes on to verify. What a restore has put aside in the folder
    is erased too. Other copies of the database that still hold the
    keys, and files that `landbridge subject key` wrote, have to be destroyed by themselves.

    Args:
        subject: Scheme, colon, identifier.
        others: More subjects, or more identifiers of one.
        state: The party's folder; its process may go on running.
        federation: federation.toml, where it is not the one of the home folder.
        home: The home folder, where it is not .landbridge here or above.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1002 to LB-1004 for identifiers; LB-1101 when the folder holds no log or
            no pseudonym.key; LB-5001 when the disk refuses or still holds a copy: repeat it.
    """
    subjects = _read((subject, *others), federation, home)
    with closing(open_subject_keys(state)) as keys:
        erased = [(str(each), keys.erase(each.scheme, each.value)) for each in subjects]
    for path in replaced_files(state):
        _erase_in(path, state, subjects)
    if output is Output.TABLE:
        for name, count in erased:
            data_console().print(plain(f"{name}: {counted(count, 'key')} erased"), soft_wrap=True)
    else:
        print_json({"erased": [{"subject": name, "keys": count} for name, count in erased]}, output)
    return 0


def _erase_in(path: Path, state: Path, subjects: list[SubjectId]) -> None:
    """Erase in what a restore has put aside."""
    try:
        with closing(open_keys_in(LogDatabase(path), state)) as keys:
            for each in subjects:
                keys.erase(each.scheme, each.value)
    except LandbridgeError as error:
        raise refuse(
            error.reason,
            f"the keys may still be in what a restore has put aside: {error.message}",
            where=str(path),
            next_step="remove this file and what begins with its name",
        ) from error


def _read(texts: tuple[str, ...], federation: Path | None, home: Path | None) -> list[SubjectId]:
    try:
        path = federation or Home.read(find_home(home)).federation
    except LandbridgeError as error:
        raise refuse(
            error.reason,
            "by which schemes the identifiers are read is not known here",
            where=error.where,
            next_step="give the federation.toml with --federation",
        ) from error
    schemes = Federation.load(path).schemes
    return list(dict.fromkeys(schemes.parse(text) for text in texts))


def _origin(state: Path) -> str:
    database = own_database(state)
    try:
        with database.reading() as connection:
            return read_checkpoint(parse_note(read_head(connection))).origin
    finally:
        database.close()
