"""Which trust bundle may follow another, so that a stolen bundle key alone is not enough.

The key that signs bundles lies in a running process. Whoever steals it can withhold and disturb,
but not make anybody trusted: a new root needs the root before it, a new member, a new key and a
return from suspension need administrators or the agency itself, and nothing that was ever trusted
vanishes or is rewritten. Approvals are held against the administrators of the old bundle.
"""

from datetime import timedelta

from landbridge.trust.approval import Act, digest_of
from landbridge.trust.approvals import Approvals, admin_keys, people
from landbridge.trust.authority import (
    AuthorityRecord,
    AuthorityState,
    Level,
    is_issued_by,
    may_become,
    read_authority,
)
from landbridge.trust.document import BundleDocument, DeniedRecord, unix_ms, unsound
from landbridge.trust.succession_members import check_members

CLOCKS_DIFFER_MS = 3_600_000
"""How far a bundle may be issued in the future, by the reader's clock."""
_LONGEST_STEP = 100_000
_ENOUGH_ADMINS = 2
_LONGEST_GRACE = timedelta(days=7)
# What two administrators of the old bundle must have approved for a root to come that far.
_APPROVED_AS = {
    AuthorityState.ACTIVE: Act.AUTHORITY_ACTIVATE,
    AuthorityState.RETIRING: Act.AUTHORITY_ACTIVATE,
    AuthorityState.TAINTED: Act.AUTHORITY_TAINT,
    AuthorityState.REMOVED: Act.AUTHORITY_REMOVE,
}
_IN_OFFICE = {AuthorityState.ACTIVE, AuthorityState.RETIRING}
_VOUCHES = {AuthorityState.PUBLISHED, *_IN_OFFICE}


def check_succession(old: BundleDocument, new: BundleDocument, *, at: int) -> None:
    """Check that a bundle whose signature verified may take another's place.

    `at` is the reader's time in Unix milliseconds. A bundle may follow after others that were
    missed if it carries their approvals, too; else those others come first.

    Raises:
        LandbridgeError: LB-4010 for the first thing that stands against it.
    """
    issued = unix_ms(new.issued_at)
    if new.federation != old.federation:
        raise unsound(f"it is of the federation {new.federation}, not {old.federation}")
    if not old.number < new.number <= old.number + _LONGEST_STEP:
        raise unsound(f"its number is {new.number}, but number {old.number} is in use")
    if issued < unix_ms(old.issued_at):
        raise unsound("it was issued before the bundle in use")
    if issued > at + CLOCKS_DIFFER_MS:
        raise unsound("it is issued in the future; check this machine's clock")
    admins = admin_keys(old, issued)
    approvals = Approvals.of(new.approvals, new.federation, admins)
    if new.bundle_key != old.bundle_key:
        replaced = digest_of(new.bundle_key.encode())
        if not approvals.hold(Act.BUNDLE_KEY_REPLACE, old.bundle_key, detail=replaced):
            raise unsound(
                "its signature does not verify, and no two administrators approve its key"
            )
    _check_authorities(old, new, approvals)
    check_members(old, new, approvals)
    _check_denied(old.denied, new.denied, issued)
    if people(admin_keys(new, issued)) < min(_ENOUGH_ADMINS, people(admins)):
        raise unsound("it would leave fewer than two administrators, who could approve no more")


def _check_authorities(old: BundleDocument, new: BundleDocument, approvals: Approvals) -> None:
    before = {record.id: record for record in old.authorities}
    after = {record.id: record for record in new.authorities}
    if gone := before.keys() - after.keys():
        raise unsound(f"the authority {min(gone)} has vanished")
    for name, record in after.items():
        known = before.get(name)
        if known:
            _check_step(known, record)
        elif record.level is Level.ROOT:
            _check_new_root(record, old, approvals)
        elif (root := before.get(record.issuer)) and root.state not in _VOUCHES:
            raise unsound(f"{name} is new under {root.id}, which is {root.state}")
        if record.level is Level.ROOT:
            _check_approved(known, record, approvals)
        is_new = known is None or known.until is None
        if record.until and is_new and record.until > new.issued_at + _LONGEST_GRACE:
            raise unsound(f"{name} is tainted, and would be accepted for long")


def _check_step(old: AuthorityRecord, new: AuthorityRecord) -> None:
    kept = (new.certificate, new.issuer) == (old.certificate, old.issuer)
    if not kept or new.cross not in {None, old.cross}:
        raise unsound(f"{new.id} has another certificate")
    if old.until and (new.until is None or new.until > old.until):
        raise unsound(f"{new.id} was tainted, and would be accepted for longer")
    if new.state is old.state:
        if new.since != old.since:
            raise unsound(f"{new.id} has another time, though it is {new.state} as before")
    elif not may_become(old.state, new.state):
        raise unsound(f"{new.id} cannot be {new.state} after it was {old.state}")


def _check_new_root(root: AuthorityRecord, old: BundleDocument, approvals: Approvals) -> None:
    """A root that is only published is an anchor of TLS already, so somebody must vouch for it."""
    if root.accepted_until() is None:
        return
    if root.cross and any(
        is_issued_by(read_authority(root.cross), earlier.x509)
        for earlier in old.authorities
        if earlier.level is Level.ROOT and earlier.state in _VOUCHES
    ):
        return
    detail = digest_of(root.certificate.encode())
    if not approvals.hold(Act.AUTHORITY_PUBLISH, root.id, detail=detail):
        raise unsound(f"neither a root in use nor two administrators vouch for {root.id}")


def _check_approved(
    old: AuthorityRecord | None, new: AuthorityRecord, approvals: Approvals
) -> None:
    act = _APPROVED_AS.get(new.state)
    if act is None or (old and old.state is new.state):
        return
    if new.state is AuthorityState.RETIRING and old and old.state in _IN_OFFICE:
        return
    if not approvals.hold(act, new.id):
        raise unsound(f"{new.id} is {new.state}, but no two administrators approved it")


def _check_denied(
    old: tuple[DeniedRecord, ...], new: tuple[DeniedRecord, ...], issued: int
) -> None:
    after = {(entry.issuer, entry.serial): entry.until for entry in new}
    for entry in old:
        until = after.get((entry.issuer, entry.serial))
        # An hour more than its life: a bundle may be issued that far in the future.
        is_over = unix_ms(entry.until) + CLOCKS_DIFFER_MS <= issued
        if (until is None and not is_over) or (until and until < entry.until):
            raise unsound(f"the certificate {entry.serial} is denied no longer before its end")
