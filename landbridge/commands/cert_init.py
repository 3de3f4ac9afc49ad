"""`landbridge cert init`: the first day of a federation, done once, by its first administrators."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from certs.federation import FederationPki, PartyPlan, create_federation
from certs.registrar.founding import found_authority
from landbridge.agency import Identity, Role
from landbridge.commands.card import Card
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk, visible
from landbridge.commands.passphrase import choose_passphrase
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.home import BUNDLE, FOLDER, Home
from landbridge.keys import KeyUse, public_text, write_whole

_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_FEWEST_ADMINS: Final = 2
_ADMINS: Final = ("first", "second")


@dataclass(frozen=True, slots=True)
class Founding:
    """What is to be made, and where."""

    federation: Federation
    file: Path
    home: Path
    authority: str
    gateway: str
    enrolment: str
    admins: Sequence[str]

    @property
    def gateway_identity(self) -> Identity:
        """The gateway's identity."""
        gateway = self.federation.gateway
        return Identity(gateway.agency, self.federation.name, Role.GATEWAY, gateway.name)

    @property
    def folders(self) -> dict[str, Path]:
        """Every folder that is made, by what it holds."""
        return {
            "root": self.home / "root" / "root-1",
            "authority": self.home / "authority",
            "gateway": self.home / "gateway",
            **{f"administrator {name}": self.home / "admins" / name for name in self.admins},
        }


def init(  # noqa: PLR0913  one parameter an option
    federation: Path,
    /,
    *,
    authority: str,
    gateway: str,
    enrolment: str,
    admin: Annotated[list[str] | None, Parameter(negative=())] = None,
    home: Path = Path(FOLDER),
    passphrase_file: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    output: OutputOption = Output.TABLE,
) -> int:
    """Make a federation's root, authority, gateway and administrators, in a new folder.

    Move each part to where it belongs afterwards; docs/certificates.md says which goes where.

    Args:
        federation: The federation.toml.
        authority: Where the authority will listen, as others reach it: HOST:PORT.
        gateway: Where the gateway will listen, as others reach it: HOST:PORT.
        enrolment: Where the gateway will take enrolments, as others reach it: HOST:PORT.
        admin: The administrators' names, again for each; two at least. Without it, first and
            second.
        home: The folder to make: new, or empty.
        passphrase_file: A file of mode 0600 with the root's passphrase, in place of typing it.
        dry_run: Say what would be made, and make nothing.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1101 when the folder is not empty or the federation's file not right;
            LB-1106 for an address or a name that cannot be, or a passphrase that is too short.
    """
    founding = Founding(
        Federation.load(federation),
        federation.resolve(),
        home,
        _address(authority, "--authority"),
        _address(gateway, "--gateway"),
        _address(enrolment, "--enrolment"),
        tuple(admin or _ADMINS),
    )
    _check(founding)
    if not dry_run:
        _make(founding, choose_passphrase(passphrase_file, "root-1"))
    document: dict[str, Any] = {
        "dry_run": dry_run,
        "federation": founding.federation.name,
        "operator": founding.federation.gateway.agency,
        "home": str(home),
        "folders": {name: str(path) for name, path in founding.folders.items()},
        "card": str(home / "card.json"),
    }
    if output is not Output.TABLE:
        print_json(document, output)
        return 0
    made = "would be made" if dry_run else "is made"
    lines = [f"{founding.federation.name}, run by {document['operator']}, {made} in {home}"]
    lines += [f"  {name:<22} {path}" for name, path in document["folders"].items()]
    lines += [f"  {'card for applicants':<22} {document['card']}"]
    lines += ["nothing was changed"] if dry_run else []
    for line in lines:
        data_console().print(visible(line), markup=False, soft_wrap=True)
    if not dry_run:
        talk(f"next: landbridge cert serve {home / 'authority'} --listen {authority}")
        talk(f"then take {home / 'root'} off this machine: docs/certificates.md, first day")
    return 0


def _make(founding: Founding, passphrase: bytes) -> None:
    """Make everything in a folder beside, and put it in its place as the last step."""
    home = founding.home
    unfinished = home.with_name(f".{home.name}.unfinished")
    if unfinished.exists():
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "an earlier `cert init` was interrupted and has left this folder",
            where=str(unfinished),
            next_step="remove it: nothing in it is in use",
        )
    unfinished.mkdir(parents=True, mode=0o700)
    pki = create_federation(unfinished / "parties", founding.federation.name, _plans(founding))
    pki.root.save(unfinished / "root" / pki.root.id, passphrase)
    found_authority(unfinished / "authority", pki, enrolment=founding.enrolment)
    operator = founding.federation.gateway.agency
    pki.state(operator, Role.GATEWAY, founding.federation.gateway.name).rename(
        unfinished / "gateway"
    )
    (unfinished / "admins").mkdir()
    for name in founding.admins:
        pki.state(operator, Role.ADMIN, name).rename(unfinished / "admins" / name)
    (unfinished / "parties" / operator).rmdir()
    (unfinished / "parties").rmdir()
    _write_home(founding, unfinished, pki)
    if home.exists():
        home.rmdir()
    unfinished.rename(home)


def _plans(founding: Founding) -> list[PartyPlan]:
    federation = founding.federation
    operator, title = federation.gateway.agency, federation.title
    return [
        PartyPlan(
            operator,
            Role.GATEWAY,
            title,
            (KeyUse.LOG,),
            federation.gateway.name,
            founding.gateway,
        ),
        PartyPlan(operator, Role.AUTHORITY, title, (KeyUse.LOG,), address=founding.authority),
        *(
            PartyPlan(operator, Role.ADMIN, title, (KeyUse.ADMIN,), name)
            for name in founding.admins
        ),
    ]


def _write_home(founding: Founding, folder: Path, pki: FederationPki) -> None:
    anchor = public_text(pki.bundle_key.public)
    front = founding.gateway_identity
    card = Card(
        federation=pki.federation,
        address=founding.enrolment,
        dns_name=front.dns_name,
        anchor=anchor,
        roots=pki.root.pem.decode(),
    )
    write_whole(folder / "card.json", card.to_bytes(), mode=0o644)
    Home(
        folder=folder,
        federation=founding.file,
        gateway_address=founding.gateway,
        gateway_dns_name=front.dns_name,
        requester="",
        requesters={},
        admins={name: folder / "admins" / name for name in founding.admins},
        authority=folder / "authority",
        root=folder / "root",
    ).write()
    # The first administrator's commands keep this one up to date.
    (folder / BUNDLE).symlink_to(Path("admins") / founding.admins[0] / BUNDLE)


def _check(founding: Founding) -> None:
    home = founding.home
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "the folder is there and not empty: a federation is never made over another",
            where=str(home),
            next_step="choose another --home DIR",
        )
    if len(set(founding.admins)) != len(founding.admins) or len(founding.admins) < _FEWEST_ADMINS:
        raise refuse(
            Reason.USAGE,
            "a federation needs two administrators at least, each with a name of their own",
            where="--admin",
            next_step="give --admin once for each person",
        )


def _address(text: str, option: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise refuse(
            Reason.USAGE,
            f"{text!r} is not an address",
            where=option,
            next_step="write it as HOST:PORT, as the other hosts reach it",
        )
    return text
