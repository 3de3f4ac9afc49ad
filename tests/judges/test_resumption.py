"""A session's ticket outlives no revocation: shown by openssl, with real tickets."""

from pathlib import Path

import pytest
from cryptography import x509

from certs.federation import FederationPki
from landbridge.agency import Role
from landbridge.rpc.certificate import read_leaf
from tests.judges.judged_server import Parts, parts_of, serve
from tests.judges.openssl_caller import call
from tests.pki import BOARD, FEDERATION, GATEWAY, make_federation

pytestmark = pytest.mark.judge("openssl")


def entry_of(parts: Parts) -> tuple[str, int]:
    """Return what a deny list says of a party's certificate."""
    leaf = read_leaf(parts.leaf.read_bytes(), FEDERATION)
    return leaf.issuer_key_id, leaf.serial


def deny(pki: FederationPki, parts: Parts) -> bytes:
    return pki.sign_next(denied=[entry_of(parts)])


async def test_ticket_of_a_revoked_certificate_opens_nothing(tmp_path: Path) -> None:
    """The worst case: the server's TLS goes on as it was, and takes the ticket; the guard not."""
    pki = make_federation(tmp_path / "federation")
    parts = parts_of(pki.state(GATEWAY, Role.GATEWAY), tmp_path / "parts")
    other = parts_of(pki.state(BOARD, Role.REQUESTER), tmp_path / "other")
    ticket, others = str(tmp_path / "ticket"), str(tmp_path / "others")
    async with serve(pki, follows=False) as judged:
        first = await call(judged, parts, "-sess_out", ticket)
        assert (first.connected_anew, first.served) == (True, True), first.output
        await call(judged, other, "-sess_out", others)
        resumed = await call(judged, parts, "-sess_in", ticket, "-sess_out", ticket)
        assert (resumed.resumed, resumed.served) == (True, True), resumed.output

        judged.live.store.offer([deny(pki, parts)])
        after = await call(judged, parts, "-sess_in", ticket)
        assert after.resumed, after.output
        assert after.refused_as_revoked, after.output
        assert (await call(judged, parts)).refused_as_revoked
        bystander = await call(judged, other, "-sess_in", others)
        assert (bystander.resumed, bystander.served) == (True, True), bystander.output


async def test_new_trust_ends_all_tickets(tmp_path: Path) -> None:
    pki = make_federation(tmp_path / "federation")
    parts = parts_of(pki.state(GATEWAY, Role.GATEWAY), tmp_path / "parts")
    other = parts_of(pki.state(BOARD, Role.REQUESTER), tmp_path / "other")
    ticket, others = str(tmp_path / "ticket"), str(tmp_path / "others")
    async with serve(pki) as judged:
        assert (await call(judged, parts, "-sess_out", ticket)).served
        assert (await call(judged, other, "-sess_out", others)).served
        judged.live.store.offer([deny(pki, parts)])
        after = await call(judged, parts, "-sess_in", ticket)
        assert not after.resumed, after.output
        assert after.refused_as_revoked, after.output
        bystander = await call(judged, other, "-sess_in", others)
        assert (bystander.connected_anew, bystander.served) == (True, True), bystander.output


async def test_revocation_list_does_as_the_deny_list(tmp_path: Path) -> None:
    pki = make_federation(tmp_path / "federation")
    parts = parts_of(pki.state(GATEWAY, Role.GATEWAY), tmp_path / "parts")
    ticket = str(tmp_path / "ticket")
    async with serve(pki, follows=False) as judged:
        assert (await call(judged, parts, "-sess_out", ticket)).served
        leaf = x509.load_pem_x509_certificate(parts.leaf.read_bytes())
        revoked = (leaf.serial_number, leaf.not_valid_before_utc, leaf.not_valid_after_utc)
        judged.live.store.offer(lists=[pki.publish_list([revoked])])
        assert (await call(judged, parts, "-sess_in", ticket)).refused_as_revoked
