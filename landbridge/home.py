"""Where the commands find a federation: a folder with `home.toml` and `trust-bundle.json`.

federation = "federation.toml"      # relative to the folder, as every path here
requester = "board.ny"              # who asks where `--as` names nobody

[gateway]
address = "127.0.0.1:7100"
dns_name = "main.gateway.exchange.institutions.example"

[requesters."board.ny"]
state = "requesters/board.ny"       # its TLS and signing keys

[admins.first]                      # who acts for the federation where `--as` names this one
state = "admins/first"

[authority]                         # only where this machine runs the federation's authority
state = "authority"
root = "root"                       # the encrypted keys of its roots, where they are at hand
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from landbridge.configuration import load
from landbridge.errors import Reason, refuse
from landbridge.keys import write_whole
from landbridge.suggestion import did_you_mean

FOLDER: Final = ".landbridge"
VARIABLE: Final = "LANDBRIDGE_HOME"
FILE: Final = "home.toml"
BUNDLE: Final = "trust-bundle.json"


class _GatewayTable(BaseModel):
    model_config = ConfigDict(extra="forbid")
    address: str = Field(min_length=1)
    dns_name: str = Field(min_length=1)


class _RequesterTable(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: str = Field(min_length=1)


class _AdminTable(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: str = Field(min_length=1)


class _AuthorityTable(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: str = Field(min_length=1)
    root: str = ""


class _HomeFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    federation: str = Field(min_length=1)
    requester: str = ""
    gateway: _GatewayTable
    requesters: dict[str, _RequesterTable] = {}
    admins: dict[str, _AdminTable] = {}
    authority: _AuthorityTable | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """How a federation is reached from this machine, and as whom."""

    folder: Path
    federation: Path
    gateway_address: str
    gateway_dns_name: str
    requester: str
    requesters: Mapping[str, Path]
    admins: Mapping[str, Path] = field(default_factory=dict)
    authority: Path | None = None
    root: Path | None = None

    @classmethod
    def read(cls, folder: Path) -> "Home":
        """Read the `home.toml` of a folder.

        Raises:
            LandbridgeError: LB-1101 when it is missing or malformed, with line and column.
        """
        path = folder / FILE
        if not path.is_file():
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"there is no {FILE} in this folder",
                where=str(folder),
                next_step="start a federation with `landbridge up DIR`, or name another --home",
            )
        file = load(path, _HomeFile)
        return cls(
            folder=folder,
            federation=folder / file.federation,
            gateway_address=file.gateway.address,
            gateway_dns_name=file.gateway.dns_name,
            requester=file.requester,
            requesters={name: folder / table.state for name, table in file.requesters.items()},
            admins={name: folder / table.state for name, table in file.admins.items()},
            authority=folder / file.authority.state if file.authority else None,
            root=folder / file.authority.root if file.authority and file.authority.root else None,
        )

    def write(self) -> None:
        """Write `home.toml`, whole or not at all; paths within the folder become relative."""
        lines = [
            "# Written by Landbridge: how this federation is reached, and as whom.",
            f"federation = {_text(self._written(self.federation))}",
            f"requester = {_text(self.requester)}",
            "",
            "[gateway]",
            f"address = {_text(self.gateway_address)}",
            f"dns_name = {_text(self.gateway_dns_name)}",
        ]
        for table, states in (("requesters", self.requesters), ("admins", self.admins)):
            for name, state in states.items():
                lines += [
                    "",
                    f"[{table}.{_text(name)}]",
                    f"state = {_text(self._written(state))}",
                ]
        if self.authority:
            lines += ["", "[authority]", f"state = {_text(self._written(self.authority))}"]
            lines += [f"root = {_text(self._written(self.root))}"] if self.root else []
        write_whole(self.folder / FILE, "\n".join([*lines, ""]).encode())

    def _written(self, path: Path) -> str:
        inside = path.is_relative_to(self.folder)
        return str(path.relative_to(self.folder) if inside else path.resolve())

    @property
    def bundle(self) -> Path:
        """The federation's trust bundle."""
        return self.folder / BUNDLE

    def state_of(self, agency: str | None = None) -> tuple[str, Path]:
        """Return who asks, the default requester where none is named, and its folder of keys.

        Raises:
            LandbridgeError: LB-1106 when the home holds no keys of that agency.
        """
        name = agency or self.requester
        state = self.requesters.get(name)
        if state is None:
            raise refuse(
                Reason.USAGE,
                f"this machine holds no keys of {name!r}{did_you_mean(name, self.requesters)}",
                where=str(self.folder / FILE),
                next_step=f"ask as one of: {', '.join(self.requesters) or 'nobody'}",
            )
        return name, state

    def admin(self, name: str | None = None) -> tuple[str, Path]:
        """Return which administrator acts, the only one where none is named, and its folder.

        Raises:
            LandbridgeError: LB-1106 when the home holds no keys of that administrator, or several
                and none is named.
        """
        chosen = name or (next(iter(self.admins)) if len(self.admins) == 1 else "")
        state = self.admins.get(chosen)
        if state is None:
            message = (
                f"this machine holds no keys of the administrator {name!r}"
                f"{did_you_mean(name, self.admins)}"
                if name
                else "it is not said which administrator acts"
            )
            raise refuse(
                Reason.USAGE,
                message,
                where=str(self.folder / FILE),
                next_step=f"give --as, one of: {', '.join(self.admins) or 'nobody'}",
            )
        return chosen, state


def find_home(
    given: Path | None = None,
    *,
    start: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """Find the home folder: the one given, `LANDBRIDGE_HOME`, or `.landbridge` here or above.

    Raises:
        LandbridgeError: LB-1106 when there is none.
    """
    if given is not None:
        return given
    if named := environment.get(VARIABLE):
        return Path(named)
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FOLDER / FILE).is_file():
            return folder / FOLDER
    raise refuse(
        Reason.USAGE,
        f"no federation is running here: there is no {FOLDER}/{FILE} in this folder or above",
        where=str(here),
        next_step=f"start one with `landbridge up DIR`, or give --home DIR or {VARIABLE}",
    )


def _text(value: str) -> str:
    # A JSON string is a TOML basic string too, but for U+007F, which only TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
