"""`landbridge cert rotate key`: a party introduces its next signing key; an administrator moves it.

The party's own process begins to sign with the next key when the trust bundle says that it is
active; what the former key signed stays verifiable at its time.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from certs.renewal.fetched_trust import take_fetched
from certs.renewal.office import Office
from certs.renewal.signing_keys import introduce_key
from landbridge.alarm import Alarms
from landbridge.commands.act import DONE, GateOptions, Prepared, run_act
from landbridge.commands.act_line import ActLine
from landbridge.commands.admin_line import tell_alarm
from landbridge.commands.output import Output, data_console, print_json, talk, visible
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty
from landbridge.suggestion import did_you_mean
from landbridge.trust.approval import Act
from landbridge.trust.document import AuthorityState

_STEPS: Final = {
    AuthorityState.PUBLISHED: Act.KEY_ACTIVATE,
    AuthorityState.RETIRING: Act.KEY_REMOVE,
    AuthorityState.TAINTED: Act.KEY_REMOVE,
}
_DEFAULTS = GateOptions()


def key(
    key_id: str = "",
    /,
    *,
    state: Path | None = None,
    use: Annotated[KeyUse | None, Parameter()] = None,
    options: GateOptions = _DEFAULTS,
) -> int:
    """Introduce a party's next signing key, or take a key's next step as an administrator.

    The party: --state DIR --use log. Then an administrator, with the id that this prints: once to
    make it active, and once with the former key's id to remove that. Exit code 3: somebody lags.

    Args:
        key_id: The key that an administrator moves on, such as register.gov/log/1f2e3d4c.
        state: The party's folder, where its next key is made and kept.
        use: What the key is for: log, query, memorandum, consent or admin.
        options: Who acts, and how.
    """
    if state is not None and use is not None and not key_id:
        return _introduce(state, use, options)
    if key_id and state is None and use is None:
        return _move(key_id, options)
    raise refuse(
        Reason.USAGE,
        "either a party introduces a key, or an administrator moves one on",
        next_step="landbridge cert rotate key --state DIR --use log, "
        "or landbridge cert rotate key KEY_ID",
    )


def _introduce(state: Path, use: KeyUse, options: GateOptions) -> int:
    present = SigningKey.load(state / "keys" / f"{use}.key")
    if options.dry_run:
        document: dict[str, Any] = {
            "dry_run": True,
            "present": present.key_id,
            "next": None,
            "effects": [
                f"a next key is made in {state / 'keys'} and introduced by {present.key_id}",
                "all come to verify with it; it signs nothing before an administrator activates it",
            ],
        }
    else:
        made = asyncio.run(_introduced(state, use))
        document = {
            "dry_run": False,
            "present": present.key_id,
            "next": made,
            "effects": [f"{made} is published, to follow {present.key_id}"],
        }
    if options.output is Output.TABLE:
        for line in document["effects"]:
            data_console().print(visible(line), markup=False, soft_wrap=True)
        if options.dry_run:
            data_console().print("nothing was changed", markup=False)
        else:
            talk(f"next, an administrator: landbridge cert rotate key {document['next']}")
    else:
        print_json(document, options.output)
    return DONE


async def _introduced(state: Path, use: KeyUse) -> str:
    folder = PartyFolder.open(state)
    live = LiveParty(folder, alarms=Alarms(tell_alarm))
    office = Office(live)
    try:
        since = live.trust.bundle.number
        received = await office.trust(since)
        take_fetched(live.store, since, received.bundles, received.lists)
        return await introduce_key(folder.folder, use, live.trust.bundle, office)
    finally:
        await office.close()


def _move(key_id: str, options: GateOptions) -> int:
    def prepare(line: ActLine) -> Prepared:
        members = line.bundle.content.members.values()
        states = {key.key_id: key.state for member in members for key in member.keys}
        if key_id not in states:
            raise refuse(
                Reason.USAGE,
                f"the trust bundle lists no key {key_id!r}{did_you_mean(key_id, states)}",
                next_step="see `landbridge cert bundle`",
            )
        act = _STEPS.get(states[key_id])
        if act is None:
            raise refuse(
                Reason.USAGE,
                f"the key {key_id} is {states[key_id]}: it has no next step of its own",
                next_step="a key in use gives way when its successor becomes active",
            )
        return Prepared(line.statement(act, key_id, override=options.override))

    return run_act(options, prepare)
