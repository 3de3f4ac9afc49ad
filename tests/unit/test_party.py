"""A party's own folder."""

from pathlib import Path

from certs.federation import PartyPlan, create_federation
from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.keys import KeyUse
from landbridge.party import PartyFolder
from tests.bundles import refusal
from tests.pki import FEDERATION, REGISTRY, make_federation

TWO = tuple(
    PartyPlan("va", Role.NODE, "Two nodes", (KeyUse.LOG,), name, f"127.0.0.1:{port}")
    for name, port in (("main", 7001), ("second", 7002))
)


def test_each_of_an_agencys_nodes_knows_which_it_is(tmp_path: Path) -> None:
    pki = create_federation(tmp_path, FEDERATION, TWO)
    for plan in TWO:
        party = PartyFolder.open(pki.state("va", Role.NODE, plan.name))
        identity = party.identity(Role.NODE)
        assert identity == Identity("va", FEDERATION, Role.NODE, plan.name)
        log = party.open_log(identity)
        assert log.size == 0
        log.close()


def test_party_that_serves_nothing_has_no_such_identity(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    party = PartyFolder.open(pki.state(REGISTRY, Role.NODE))
    # Its address is not in the bundle yet.
    error = refusal(lambda: party.identity(Role.NODE))
    assert error.reason is Reason.BAD_TRUST_BUNDLE


def test_folder_shows_the_bundle_in_use_now(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    party = PartyFolder.open(pki.state(REGISTRY, Role.NODE))
    assert party.bundle.number == 1
    party.trust.offer([pki.sign_next()])
    assert party.bundle.number == 2
    assert party.bundle is party.trust.current.bundle
