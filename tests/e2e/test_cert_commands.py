"""The administrator's book as commands: real authority, gateway and node, each in its process."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.founded import CITY, REGISTER, Founded, party, states

NODE = f"{REGISTER}/node"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founded]:
    """The first day of docs/certificates.md: founded, a provider and a requester joined."""
    federation = Founded(tmp_path_factory.mktemp("founded"))
    try:
        federation.found()
        node = f"node={federation.node}@{federation.node_address}"
        read_out = federation.apply(REGISTER, "Company register", node)
        federation.accept(REGISTER, read_out)
        federation.enrol(NODE, federation.node)
        federation.serve_node()
        read_out = federation.apply(CITY, "The city", f"requester={federation.city}")
        federation.accept(CITY, read_out)
        federation.enrol(f"{CITY}/requester", federation.city)
        federation.keep(federation.city)
        federation.settle()
        yield federation
    finally:
        federation.close()


def test_the_first_day_ends_with_members_and_datasets(founded: Founded) -> None:
    shown = founded.document("federation", "show")
    members = {member["agency"]: member for member in shown["members"]}
    assert set(members) == {"exchange", REGISTER, CITY}
    deadline = time.monotonic() + 30
    while not members[REGISTER]["reached"]:
        assert time.monotonic() < deadline, founded.last_words()
        shown = founded.document("federation", "show")
        members = {member["agency"]: member for member in shown["members"]}
    assert [dataset["dataset"] for dataset in members[REGISTER]["datasets"]] == ["companies"]
    assert shown["applications"] == []
    for secret in ("credential.pem", "keys/log.key", "pseudonym.key"):
        assert (founded.node / secret).stat().st_mode & 0o777 == 0o600


def test_status_says_what_each_party_holds_trusts_and_has_acknowledged(founded: Founded) -> None:
    standing = founded.settle()
    node = party(standing, NODE)
    assert node["acknowledged"] == standing["bundle"]
    assert node["holds"]["authority"] in node["trusts"]
    told = founded.run("cert", "status", REGISTER, admin="second").stdout
    assert "nobody lags: 1 party" in told
    assert founded.run("cert", "status", "regster.gov", admin="first", exits=2).stderr.count(
        "did you mean 'register.gov'"
    )


def test_an_issuing_authority_rotates_and_may_be_stopped_between(founded: Founded) -> None:
    before = founded.settle()
    old = next(name for name, state in states(before).items() if state == "active")
    plan = founded.document("cert", "rotate", "issuing", "--dry-run", admin="first")
    assert NODE in plan["parties"]
    assert plan["last_safe_hour"]
    assert founded.settle()["bundle"] == before["bundle"]
    rotate = ("cert", "rotate", "issuing", "--passphrase-file", founded.passphrase)
    half = founded.document(*rotate, "--to", "published", admin="first")
    assert [step["act"] for step in half["steps"]][-1] == "authority.publish"
    whole = founded.document(*rotate, admin="second")
    assert whole["finished"]
    assert [step["act"] for step in whole["steps"]] == ["authority.activate", "authority.remove"]
    after = founded.settle()
    new = party(after, NODE)["holds"]["authority"]
    assert states(after)[new] == "active"
    assert new != party(before, NODE)["holds"]["authority"]
    assert old != new


def test_a_root_rotates_when_two_administrators_agree(founded: Founded) -> None:
    before = founded.settle()
    rotate = ("cert", "rotate", "root", "--passphrase-file", founded.passphrase)
    # Each administrator runs the same command until it is done; nobody needs to keep count.
    for turn in range(8):
        admin = ("first", "second")[turn % 2]
        done = founded.run(*rotate, "-o", "json", admin=admin, exits=(0, 3))
        document = json.loads(done.stdout)
        assert document["finished"] or document["signatures_missing"] == 1
        if document["finished"]:
            break
    after = founded.settle()
    assert turn > 0
    assert {name: state for name, state in states(after).items() if name.startswith("root")} == {
        "root-1": "removed",
        "root-2": "active",
    }
    assert party(after, NODE)["trusts"] == [
        name for name, state in states(after).items() if state == "active"
    ]
    assert after["bundle"] > before["bundle"]


def test_a_root_whose_key_is_lost_is_followed_by_one_that_two_vouch_for(founded: Founded) -> None:
    before = founded.settle()
    root = founded.home / "root" / "root-2"
    hidden = root.rename(founded.top / "lost-root")
    rotate = ("cert", "rotate", "root", "--passphrase-file", founded.passphrase)
    assert "root-2 is not at hand" in founded.run(*rotate, admin="first", exits=2).stderr
    signed = 0
    for turn in range(8):
        admin = ("first", "second")[turn % 2]
        done = founded.run(*rotate, "--lost", "-o", "json", admin=admin, exits=(0, 3))
        document = json.loads(done.stdout)
        signed += document["signatures_missing"]
        if document["finished"]:
            break
    # To publish it, to activate it, and to remove the old one.
    assert signed == 3
    after = founded.settle()
    assert (states(after)["root-2"], states(after)["root-3"]) == ("removed", "active")
    assert party(after, NODE)["holds"] != party(before, NODE)["holds"]
    hidden.rename(root)
    # No cross-certificate leads from the old root to the new: a card knows it only when renewed.
    card = founded.home / "card.json"
    old = ("federation", "apply", card, "--agency", "late.gov", "--title", "Late")
    party_words = ("--party", f"requester={founded.top / 'late'}")
    assert "LB-2001" in founded.run(*old, *party_words, exits=5).stderr
    founded.run("federation", "show", "--card", card)
    founded.run(*old, *party_words)


def test_leaves_are_renewed_by_hand_and_the_process_takes_them_up(founded: Founded) -> None:
    before = party(founded.settle(), NODE)["holds"]["serial"]
    (told,) = founded.document("cert", "renew", founded.node, "--dry-run")["parties"]
    assert told["serial"] == before
    (told,) = founded.document("cert", "rotate", "leaf", founded.node)["parties"]
    assert told["serial"] != before
    assert party(founded.settle(), NODE)["holds"]["serial"] == told["serial"]


def test_a_signing_key_rotates_by_its_party_and_an_administrator(founded: Founded) -> None:
    key = ("cert", "rotate", "key")
    made = founded.document(*key, "--state", founded.node, "--use", "log")
    founded.settle()
    activated = founded.document(*key, made["next"], admin="first")
    assert activated["done"]
    founded.settle()
    assert founded.document(*key, made["present"], admin="second")["done"]
    founded.settle()
    shown = founded.document("cert", "bundle")
    keys = {key["key_id"]: key["state"] for m in shown["members"] for key in m["keys"]}
    assert (keys[made["present"]], keys[made["next"]]) == ("removed", "active")


def test_a_revoked_node_comes_back_by_an_invitation(founded: Founded) -> None:
    dry = founded.document("cert", "revoke", NODE, "--dry-run", admin="first")
    assert not dry["done"]
    assert any("refused from now on" in effect for effect in dry["effects"])
    assert founded.document("cert", "revoke", NODE, admin="first")["done"]
    refused = founded.run("cert", "renew", founded.node, exits=4).stderr
    assert "LB-4018" in refused
    invitation = founded.enrol(NODE, founded.node)
    founded.settle()
    used = founded.run("cert", "enrol", invitation, "--state", founded.top / "thief", exits=4)
    assert "LB-4014" in used.stderr
    assert not (founded.top / "thief" / "credential.pem").exists()


def test_one_administrator_alone_takes_nobody_in(founded: Founded) -> None:
    state = founded.top / "food"
    words = ("federation", "accept", "food.gov", "--fingerprint")
    read_out = founded.apply("food.gov", "Food inspection", f"node={state}@127.0.0.1:1")
    for _ in range(2):
        founded.run(*words, read_out, admin="first", exits=3)
    assert "food.gov" not in {
        member["agency"] for member in founded.document("cert", "bundle")["members"]
    }
    other = founded.apply("food.gov", "Food inspection", f"node={founded.top / 'x'}@127.0.0.1:1")
    assert other != read_out
    founded.run(*words, "0" * 64, admin="second", exits=2)


def test_a_tainted_authority_and_key_are_given_up(founded: Founded) -> None:
    founded.settle()
    rotate = ("cert", "rotate", "issuing", "--passphrase-file", founded.passphrase)
    active = next(
        name
        for name, state in states(founded.settle()).items()
        if state == "active" and name.startswith("issuing")
    )
    closed = founded.run("cert", "taint", active, admin="first", exits=4)
    assert "activate another" in closed.stderr
    founded.document(*rotate, "--to", "active", admin="first")
    assert founded.document("cert", "taint", active, admin="first")["done"]
    assert founded.document(*rotate, admin="first")["finished"]
    assert states(founded.settle())[active] == "removed"
    shown = founded.document("cert", "bundle")
    (query,) = (
        key["key_id"]
        for member in shown["members"]
        if member["agency"] == CITY
        for key in member["keys"]
        if "/query/" in key["key_id"]
    )
    assert founded.document("cert", "taint", query, admin="second")["done"]


def test_a_suspended_member_is_shut_out_and_taken_back_by_two(founded: Founded) -> None:
    assert founded.document("federation", "suspend", REGISTER, admin="first")["done"]
    assert "LB-4005" in founded.run("cert", "renew", founded.node, exits=4).stderr
    again = ("federation", "accept", REGISTER)
    founded.run(*again, admin="first", exits=3)
    assert founded.document(*again, admin="second")["done"]
    founded.settle()
    founded.run("cert", "renew", founded.node)


def test_bundles_are_carried_by_hand_to_a_party_that_lost_touch(founded: Founded) -> None:
    copied = founded.top / "carried"
    founded.document("cert", "bundle", "--fetch", copied, "--since", "1", admin="first")
    oldest, *newer = sorted(copied.glob("bundle-*.json"))
    assert len(newer) > 3
    lost = founded.top / "lost"
    lost.mkdir()
    (lost / "anchor.pub").write_bytes((founded.home / "gateway" / "anchor.pub").read_bytes())
    (lost / "trust-bundle.json").write_bytes(oldest.read_bytes())
    install = ("cert", "bundle", *newer, oldest, *copied.glob("*.crl"), "--state", lost)
    would = founded.document(*install, "--dry-run")
    assert (lost / "trust-bundle.json").read_bytes() == oldest.read_bytes()
    taken = founded.document(*install)
    assert would["to"] == taken["to"] == founded.document("cert", "bundle")["number"]
    assert "stays" in founded.run("cert", "bundle", oldest, "--state", lost).stdout
    newer[-1].write_bytes(newer[-1].read_bytes().replace(b'"signature": "', b'"signature": "A'))
    assert "LB-4010" in founded.run("cert", "bundle", newer[-1], "--state", lost, exits=4).stderr


def test_with_no_valid_certificate_left_administrators_act_at_the_authority(
    founded: Founded,
) -> None:
    invitation = founded.top / "by-hand.json"
    at = ("--authority", founded.home / "authority")
    issue = ("cert", "issue", "exchange/admin/first", "--out", invitation)
    busy = founded.run(*issue, *at, admin="first", exits=1)
    assert "another process runs this authority" in busy.stderr
    founded.stop("authority")
    founded.run(*issue, *at, admin="first")
    founded.serve_authority()
    founded.settle()
    state = founded.home / "admins" / "first"
    founded.until_reached("cert", "enrol", invitation, "--state", state)
    founded.settle()


def test_another_administrator_comes_before_a_stolen_key_goes(founded: Founded) -> None:
    """With two administrators neither key can be given up: nobody could approve anything then."""
    shown = founded.document("cert", "bundle")
    (operator,) = (each for each in shown["members"] if each["agency"] == "exchange")
    admins = {
        name: (founded.home / "admins" / name / "keys" / "admin.key").read_text().split()[1]
        for name in ("first", "second")
    }
    alone = founded.run("cert", "taint", admins["second"], admin="first", exits=4)
    assert "fewer than two administrators" in alone.stderr
    third = founded.top / "third"
    forgetful = founded.apply("exchange", operator["title"], f"admin/third={third}")
    words = ("federation", "accept", "exchange", "--fingerprint", forgetful)
    told = founded.run(*words, admin="first", exits=2).stderr
    assert "no longer names" in told
    done = founded.run(
        *("federation", "apply", founded.home / "card.json", "--agency", "exchange"),
        *("--title", operator["title"], "--party", f"admin/third={third}"),
        *("--bundle", founded.home / "trust-bundle.json", "-o", "json"),
    )
    founded.accept("exchange", json.loads(done.stdout)["fingerprint"])
    assert founded.document("cert", "taint", admins["second"], admin="first")["done"]
    (now,) = (m for m in founded.document("cert", "bundle")["members"] if m["agency"] == "exchange")
    assert now["endpoints"] == operator["endpoints"]
    suspend = ("federation", "suspend", REGISTER)
    assert "LB-4002" in founded.run(*suspend, admin="second", exits=4).stderr


def test_a_member_leaves_for_good(founded: Founded) -> None:
    assert founded.document("federation", "leave", CITY, admin="first")["done"]
    members = {m["agency"]: m for m in founded.document("federation", "show")["members"]}
    assert members[CITY]["state"] == "left"
    assert "LB-4005" in founded.run("cert", "renew", founded.city, exits=4).stderr
    assert f"{CITY}/requester" not in founded.settle()["lagging"]
    assert Path(founded.city / "credential.pem").exists()
