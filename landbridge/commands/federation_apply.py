"""`landbridge federation apply`: an agency asks to join, or to change what is known of it."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from certs.application import Application, AppliedKey, AppliedParty, fingerprint
from certs.party import create_keys
from landbridge.agency import Role, check_agency
from landbridge.clock import system_clock, to_datetime
from landbridge.commands.card import Card
from landbridge.commands.enrolment_line import TIMEOUT_S, enrolment_stub
from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.named_parties import NamedParty, read_parties
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk, visible
from landbridge.errors import Reason, refuse
from landbridge.home import BUNDLE
from landbridge.keys import KeyUse, SigningKey, public_text, write_whole
from landbridge.party import PartyFolder
from landbridge.trust.document import MemberRecord
from landbridge.v1 import authority_service_pb2

_USES: Final[Mapping[Role, tuple[KeyUse, ...]]] = {
    Role.NODE: (KeyUse.LOG,),
    Role.GATEWAY: (KeyUse.LOG,),
    Role.REQUESTER: (KeyUse.QUERY, KeyUse.LOG),
    Role.ADMIN: (KeyUse.ADMIN,),
}


def apply(  # noqa: PLR0913  one parameter an option
    card: Path,
    /,
    *,
    agency: str,
    title: str,
    party: Annotated[list[str], Parameter(negative=())],
    bundle: Path | None = None,
    out: Path | None = None,
    consent_desk: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    output: OutputOption = Output.TABLE,
) -> int:
    """Ask to join a federation: signing keys are made in the parties' folders and stay there.

    Read the fingerprint that this prints out to the federation's operator, over a line on which you
    know each other: two administrators accept exactly the application that has it. A member runs it
    again to change its details; keys that are there are used again.

    Args:
        card: The federation's card, from its operator.
        agency: The agency's id, such as register.gov.
        title: The agency's name for readers.
        party: What the agency runs, again for each: ROLE=FOLDER or ROLE=FOLDER@HOST:PORT, such as
            node=/var/lib/landbridge@10.1.0.5:7101 or requester=/home/board/landbridge.
        bundle: The federation's trust-bundle.json, where a member adds a party and none of the
            named folders is enrolled: what the member runs already is taken from it.
        out: Also write application and signature to this file.
        consent_desk: Also make a key by which the agency vouches for who a subject is, for consents
            of persons and for the rights of those on whom records are, in the folder of the first
            party.
        dry_run: Print what would be asked for; nothing is made and nothing is sent.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 for a party that cannot be read; LB-1001 and LB-2003 when the
            application is not taken; LB-2001 when the federation cannot be reached.
    """
    federation = Card.read(read_named(card, "card"), where=str(card))
    check_agency(agency)
    parties = read_parties(party, agency, federation.federation)
    document: dict[str, Any] = {
        "dry_run": dry_run,
        "federation": federation.federation,
        "agency": agency,
        "title": title,
        "parties": [
            {"role": f"{each.identity.role}", "folder": str(each.folder), "address": each.address}
            for each in parties
        ],
        "to": federation.address,
    }
    if not dry_run:
        application, seal = make_application(
            federation, agency, title, party, bundle, consent_desk=consent_desk
        )
        document["fingerprint"] = _apply(federation, application, seal, out)
    if output is not Output.TABLE:
        print_json(document, output)
        return 0
    for line in _lines(document):
        data_console().print(visible(line), markup=False, soft_wrap=True)
    if not dry_run:
        talk("next: read it out to the operator; when it is accepted, an invitation comes back")
    return 0


def make_application(  # noqa: PLR0913  one parameter a part of it
    card: Card,
    agency: str,
    title: str,
    parties: Sequence[str],
    bundle: Path | None = None,
    *,
    consent_desk: bool = False,
) -> tuple[Application, SigningKey]:
    """Make the keys that are missing and write the application; return it, and who signs it.

    Raises:
        LandbridgeError: LB-1106 for a party that cannot be, or a folder of another agency.
    """
    named = read_parties(parties, agency, card.federation)
    known = _known(named, agency, bundle)
    seal, applied, keys = _keys(named, known, consent_desk=consent_desk)
    application = Application(
        federation=card.federation,
        agency=agency,
        title=title,
        parties=tuple(_with_known(applied, known)),
        keys=tuple(keys),
        made_at=to_datetime(system_clock()),
    )
    return application, seal


def _apply(card: Card, application: Application, seal: SigningKey, out: Path | None) -> str:
    document, signature = application.to_bytes(), application.sign(seal)
    if out is not None:
        text = {"application": document.decode(), "signature": signature.hex()}
        write_whole(out, json.dumps(text, indent=1).encode() + b"\n", mode=0o644)
    read_out = asyncio.run(_send(card, document, signature))
    if read_out != fingerprint(document):
        raise refuse(
            Reason.MISMATCHED_ANSWER,
            "the federation answered with the fingerprint of another application",
            next_step="do not read it out; tell the operator",
        )
    return read_out


async def _send(card: Card, document: bytes, signature: bytes) -> str:
    request = authority_service_pb2.ApplyRequest(application=document, signature=signature)
    async with enrolment_stub(card.address, card.dns_name, card.roots) as stub:
        response = await stub.Apply(request, timeout=TIMEOUT_S)
    return str(response.fingerprint)


def _keys(
    parties: Sequence[NamedParty], known: MemberRecord | None, *, consent_desk: bool
) -> tuple[SigningKey, list[AppliedParty], list[AppliedKey]]:
    """Make the keys that are missing; return the memorandum key, the parties and the new keys."""
    listed = {key.public_key for key in known.keys} if known else set()
    seal: SigningKey | None = None
    held: list[SigningKey] = []
    applied: list[AppliedParty] = []
    has_seal = any((each.folder / "keys" / f"{KeyUse.MEMORANDUM}.key").exists() for each in parties)
    for number, each in enumerate(parties):
        uses = _USES.get(each.identity.role, ())
        if not has_seal and number == 0:
            uses = (*uses, KeyUse.MEMORANDUM)
        if consent_desk and number == 0:
            uses = (*uses, KeyUse.CONSENT)
        missing = [use for use in uses if not (each.folder / "keys" / f"{use}.key").exists()]
        create_keys(each.folder, each.identity, missing)
        own = {
            use: SigningKey.load(path)
            for use in KeyUse
            if (path := each.folder / "keys" / f"{use}.key").exists()
        }
        foreign = next((key for key in own.values() if key.agency != each.identity.agency), None)
        if foreign is not None:
            raise refuse(
                Reason.USAGE,
                f"the folder holds keys of {foreign.agency}",
                where=str(each.folder),
                next_step="give each agency folders of its own",
            )
        held += own.values()
        seal = seal or own.get(KeyUse.MEMORANDUM)
        log = public_text(own[KeyUse.LOG].public) if KeyUse.LOG in uses else ""
        role, name = each.identity.role, each.identity.name
        applied.append(AppliedParty(role=role, name=name, address=each.address, log=log))
    if seal is None:
        raise refuse(Reason.USAGE, "no party of the agency holds its memorandum key")
    keys = {public_text(key.public): key.use for key in held}
    new = [AppliedKey(use=use, public_key=key) for key, use in keys.items() if key not in listed]
    return seal, applied, new


def _with_known(
    applied: Iterable[AppliedParty], known: MemberRecord | None
) -> Iterable[AppliedParty]:
    """Add what a member runs already and does not name: an application states all of it."""
    parties = {(each.role, each.name): each for each in applied}
    for endpoint in known.endpoints if known else ():
        parties.setdefault(
            (endpoint.role, endpoint.name),
            AppliedParty(role=endpoint.role, name=endpoint.name, address=endpoint.address),
        )
    for role in known.roles if known else ():
        if not any(each == role for each, _ in parties):
            parties[(role, "main")] = AppliedParty(role=role, name="main", address="")
    return parties.values()


def _known(parties: Iterable[NamedParty], agency: str, bundle: Path | None) -> MemberRecord | None:
    """Return what the federation knows of the agency already, as far as a bundle is at hand."""
    if bundle is not None:
        return open_bundle(bundle).content.members.get(agency)
    for each in parties:
        if (each.folder / BUNDLE).exists():
            return PartyFolder.open(each.folder).bundle.content.members.get(agency)
    return None


def _lines(document: dict[str, Any]) -> Iterable[str]:
    yield f"{document['agency']} ({document['title']}) asks to join {document['federation']}"
    for each in document["parties"]:
        at = f" at {each['address']}" if each["address"] else ""
        yield f"  {each['role']}{at}, keys in {each['folder']}"
    if document["dry_run"]:
        yield f"it would be sent to {document['to']}; nothing was made and nothing was sent"
    else:
        yield f"fingerprint: {document['fingerprint']}"
