"""The standing of a federation as a document: what each agency holds, trusts, has acknowledged.

And who lags. Pure: from what the authority says to what `cert status` prints.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from landbridge.clock import to_iso
from landbridge.commands.party_name import shown_party
from landbridge.v1 import authority_service_pb2

_Standing = authority_service_pb2.GetStandingResponse
_Party = authority_service_pb2.PartyStanding

TRUSTED_STATES: Final = frozenset({"published", "active", "retiring", "tainted"})
"""The states in which an authority's certificates are accepted."""


def standing_document(
    standing: _Standing, federation: str, trusted: Mapping[int, tuple[str, ...]]
) -> dict[str, Any]:
    """Describe the standing of a federation; `trusted` says whom each bundle's holder accepts.

    Bundles are given by their number; for a number that is not there the document says null.
    """
    parties = [_party(party, standing, federation, trusted) for party in standing.parties]
    agencies: dict[str, list[dict[str, Any]]] = {}
    for party in parties:
        agencies.setdefault(party["agency"], []).append(party)
    return {
        "federation": federation,
        "at": to_iso(standing.now_unix_ms),
        "bundle": standing.bundle_number,
        "authorities": [_authority(each, federation) for each in standing.authorities],
        "agencies": [
            {"agency": agency, "lags": any(party["lag"] for party in theirs), "parties": theirs}
            for agency, theirs in agencies.items()
        ],
        "waiting": [_pending(act) for act in standing.pending],
        "lagging": [party["party"] for party in parties if party["lag"]],
        "alarms": sum(len(party["alarms"]) for party in parties),
    }


def only_agency(document: Mapping[str, Any], agency: str) -> dict[str, Any]:
    """Cut a standing down to one agency."""
    agencies = [each for each in document["agencies"] if each["agency"] == agency]
    parties = [party for each in agencies for party in each["parties"]]
    return {
        **document,
        "agencies": agencies,
        "lagging": [party["party"] for party in parties if party["lag"]],
        "alarms": sum(len(party["alarms"]) for party in parties),
    }


def lowest_acknowledged(standing: _Standing) -> int:
    """Return the oldest bundle that some party uses; the newest one where there is no party."""
    known = [party.acknowledged for party in standing.parties if party.acknowledged]
    return min(known, default=standing.bundle_number)


def _authority(
    authority: authority_service_pb2.AuthorityStanding, federation: str
) -> dict[str, Any]:
    return {
        "authority": authority.id,
        "state": authority.state,
        "until": to_iso(authority.not_after_unix_ms),
        "shown_by": [shown_party(uri, federation) for uri in authority.shown_by],
        "next": authority.next_state,
        "obstacles": list(authority.obstacles),
    }


def _party(
    party: _Party,
    standing: _Standing,
    federation: str,
    trusted: Mapping[int, tuple[str, ...]],
) -> dict[str, Any]:
    shown = shown_party(party.identity, federation)
    accepts = trusted.get(party.acknowledged)
    held = {
        "authority": party.issuer,
        "serial": party.serial,
        "until": to_iso(party.not_after_unix_ms) if party.not_after_unix_ms else None,
    }
    return {
        "party": shown,
        "agency": shown.partition("/")[0],
        "identity": party.identity,
        "holds": held if party.serial else None,
        "trusts": list(accepts) if accepts is not None else None,
        "acknowledged": party.acknowledged,
        "behind": max(0, standing.bundle_number - party.acknowledged),
        "heard_at": to_iso(party.heard_at_unix_ms) if party.heard_at_unix_ms else None,
        "proven": list(party.proven),
        "alarms": list(party.alarms),
        "lag": party.lag,
    }


def _pending(act: authority_service_pb2.PendingAct) -> dict[str, Any]:
    return {
        "summary": act.summary,
        "signed_by": list(act.signed_by),
        "statement": read_statement(act.statement),
    }


def read_statement(data: bytes) -> dict[str, Any]:
    """Read a statement for display; what is no JSON object is shown as nothing."""
    try:
        read = json.loads(data)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def accepted_authorities(authorities: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Pick from pairs of id and state the authorities whose certificates are accepted."""
    return tuple(name for name, state in authorities if state in TRUSTED_STATES)
