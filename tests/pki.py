"""A throw-away federation for tests, made once a session with the project's own certs/."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from certs.federation import FederationPki, PartyPlan, create_federation
from landbridge.agency import Role
from landbridge.keys import KeyUse

FEDERATION = "federation.example"
GATEWAY = "exchange"
REGISTRY = "registry.one"
SCHOOLS = "schools.two"
BOARD = "board.three"
COUNCIL = "council.four"
OPERATIONS = "operations"

_NODE_USES = (KeyUse.LOG, KeyUse.MEMORANDUM)
_REQUESTER_USES = (KeyUse.QUERY, KeyUse.LOG, KeyUse.MEMORANDUM)
PLANS = (
    PartyPlan(GATEWAY, Role.GATEWAY, "Exchange", (KeyUse.LOG,)),
    PartyPlan(REGISTRY, Role.NODE, "Registry One", _NODE_USES),
    PartyPlan(SCHOOLS, Role.NODE, "Schools Two", _NODE_USES),
    PartyPlan(BOARD, Role.REQUESTER, "Board Three", _REQUESTER_USES),
    PartyPlan(COUNCIL, Role.REQUESTER, "Council Four", _REQUESTER_USES),
    PartyPlan(OPERATIONS, Role.ADMIN, "Operations", (KeyUse.ADMIN,), "first"),
    PartyPlan(OPERATIONS, Role.ADMIN, "Operations", (KeyUse.ADMIN,), "second"),
    PartyPlan(OPERATIONS, Role.AUTHORITY, "Operations", (KeyUse.LOG,)),
)


def make_federation(folder: Path) -> FederationPki:
    """Make a federation of one's own, for tests that change it."""
    return create_federation(folder, FEDERATION, PLANS)


@functools.cache
def shared_federation() -> FederationPki:
    """Return the session's federation: a party of each kind, and two administrators.

    Do not publish bundles in it that others would fall over.
    """
    folder = Path(tempfile.mkdtemp(prefix="landbridge-pki-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_federation(folder)
