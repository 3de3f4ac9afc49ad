"""Reading the passphrase under which a root's key lies: typed unseen, or from a file."""

import getpass
import sys
from pathlib import Path
from typing import Final

from landbridge.counted import counted
from landbridge.errors import Reason, refuse
from landbridge.keys import read_private

_SHORTEST: Final = 12


def read_passphrase(file: Path | None, what: str) -> bytes:
    """Read the passphrase of a key that is there.

    Raises:
        LandbridgeError: LB-1106 when nobody is there to type it; LB-4011 for a file that others may
            read; LB-1101 for one that cannot be read.
    """
    return _from_file(file) if file else _typed(f"Passphrase of {what}: ")


def choose_passphrase(file: Path | None, what: str) -> bytes:
    """Read the passphrase of a key that is to be made; typed twice.

    Raises:
        LandbridgeError: as read_passphrase; LB-1106 when it is short or was typed in two ways.
    """
    chosen = _from_file(file) if file else _typed(f"New passphrase of {what}: ")
    if len(chosen) < _SHORTEST:
        raise refuse(
            Reason.USAGE,
            f"the passphrase has {counted(len(chosen), 'character')}",
            next_step=f"choose one of at least {_SHORTEST}, such as five words",
        )
    if not file and _typed("The same again: ") != chosen:
        raise refuse(Reason.USAGE, "the two passphrases differ", next_step="run it again")
    return chosen


def _from_file(file: Path) -> bytes:
    # Only the line's end that editors add is taken off.
    return read_private(file).removesuffix(b"\n").removesuffix(b"\r")


def _typed(prompt: str) -> bytes:
    if not sys.stdin.isatty():
        raise refuse(
            Reason.USAGE,
            "nobody is at the terminal to type the passphrase",
            next_step="give --passphrase-file FILE, of mode 0600",
        )
    return getpass.getpass(prompt, stream=sys.stderr).encode()
