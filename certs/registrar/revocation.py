"""Revocation: the act that denies one certificate, and the signed lists of each authority."""

import sqlite3
from datetime import timedelta
from typing import Final

from certs.lint import lint_crl, refuse_on
from certs.registrar.issuance import Issuers
from certs.registrar.issued import find_leaf, leaves_of, mark_revoked, revoked_leaves
from certs.registrar.plan import Plan, does_not_fit
from certs.registrar.present import Present, shown_name
from landbridge.clock import Clock, to_datetime, to_iso
from landbridge.trust.authority import subject_key_id
from landbridge.trust.document import DeniedRecord

SIGNED_EVERY: Final = timedelta(minutes=15)
"""A list is signed anew this often, long before its end, and at once when something is new."""
_EVERY_MS: Final = SIGNED_EVERY // timedelta(milliseconds=1)


def plan_revocation(subject: str, present: Present) -> Plan:
    """Work out what denies a certificate; the subject is `<issuer's key id>/<serial>` in hex.

    Every other certificate of the same party goes with it: whoever holds the key of one may have
    renewed by it already.

    Raises:
        LandbridgeError: LB-4015 when no such certificate is in use.
    """
    issuer, _, serial = subject.partition("/")
    leaf = find_leaf(present.connection, issuer, serial)
    if leaf is None:
        raise does_not_fit(f"no certificate {subject[:100]!r} was issued here")
    if leaf.revoked_at:
        raise does_not_fit(f"the certificate {serial} is revoked already")
    if leaf.not_after <= present.now:
        raise does_not_fit(f"the certificate {serial} has ended at {to_iso(leaf.not_after)}")
    found = [
        each
        for each in leaves_of(present.connection, leaf.identity, present.now)
        if not each.revoked_at
    ]
    entries = (
        DeniedRecord(issuer=each.issuer, serial=each.serial, until=to_datetime(each.not_after))
        for each in found
    )
    content = present.content.model_copy(update={"denied": (*present.content.denied, *entries)})
    name = shown_name(leaf.identity, present.bundle.federation)

    def carry_out(number: int) -> bytes:
        del number
        for each in found:
            mark_revoked(present.connection, each, present.now)
        return b""

    more = len(found) - 1
    what = f"the certificate {serial} of {name}"
    return Plan(
        (
            f"{what} and {more} more that it holds are refused from now on, and their streams end"
            if more
            else f"{what} is refused from now on, and its streams end",
            f"{name} cannot renew by it: it comes back with an invitation",
        ),
        content,
        carry_out=carry_out,
    )


def sign_lists(
    connection: sqlite3.Connection, issuers: Issuers, clock: Clock, *, all_anew: bool
) -> int:
    """Sign the lists that are due, or all of them; return how many. Numbers never go down.

    Raises:
        LandbridgeError: LB-4006 when the linters find anything in a list.
    """
    signed = 0
    now = clock()
    for issuing in issuers.all:
        key_id = subject_key_id(issuing.certificate)
        row = connection.execute(
            "SELECT number, signed_at FROM list WHERE issuer = ?", (key_id,)
        ).fetchone()
        number, signed_at = row or (0, 0)
        if not all_anew and signed_at <= now < signed_at + _EVERY_MS:
            continue
        revoked = [
            (int(leaf.serial, 16), to_datetime(leaf.revoked_at), to_datetime(leaf.not_after))
            for leaf in revoked_leaves(connection, key_id)
        ]
        # Never below the seconds since 1970, so that an authority restored from an old copy of its
        # folder goes on above the numbers that its parties hold.
        number = max(number + 1, now // 1000)
        der = issuing.sign_crl(number, revoked, clock)
        refuse_on(lint_crl(der, issuing.certificate), f"the revocation list of {issuing.id}")
        connection.execute(
            "INSERT OR REPLACE INTO list VALUES (?, ?, ?, ?)", (key_id, number, der, now)
        )
        signed += 1
    return signed


def forget_lists(connection: sqlite3.Connection, issuers: Issuers) -> None:
    """Drop the lists of authorities that are gone."""
    kept = {subject_key_id(issuing.certificate) for issuing in issuers.all}
    for (issuer,) in connection.execute("SELECT issuer FROM list").fetchall():
        if issuer not in kept:
            connection.execute("DELETE FROM list WHERE issuer = ?", (issuer,))
