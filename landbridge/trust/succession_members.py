"""What a new trust bundle may change of the members, their signing keys and their logs."""

from landbridge.agency import Role
from landbridge.errors import LandbridgeError
from landbridge.trust.approval import Act, admission, digest_of
from landbridge.trust.approvals import Approvals, is_usable
from landbridge.trust.authority import may_become
from landbridge.trust.document import (
    AuthorityState,
    BundleDocument,
    KeyRecord,
    MemberRecord,
    unix_ms,
    unsound,
)

# The others run the federation: two administrators accept them.
_BY_INVITATION = {Role.NODE, Role.REQUESTER}
_ENDED = {AuthorityState.TAINTED, AuthorityState.REMOVED}


def check_members(old: BundleDocument, new: BundleDocument, approvals: Approvals) -> None:
    """Check every member of the new bundle against the old one.

    Raises:
        LandbridgeError: LB-4010 for the first change that nobody entitled has approved.
    """
    if gone := old.members.keys() - new.members.keys():
        raise unsound(f"the member {min(gone)} has vanished")
    for agency, member in new.members.items():
        try:
            _Change(old, new, agency, approvals).check(old.members.get(agency), member)
        except LandbridgeError as error:
            raise unsound(f"members.{agency}: {error.message}") from error


class _Change:
    """One member's change from one bundle to the next."""

    def __init__(
        self, old: BundleDocument, new: BundleDocument, agency: str, approvals: Approvals
    ) -> None:
        self._federation = new.federation
        self._before = old.issued_at
        self._now = new.issued_at
        self._issued = unix_ms(new.issued_at)
        self._steps = new.number - old.number
        self._agency = agency
        self._approvals = approvals

    def check(self, old: MemberRecord | None, new: MemberRecord) -> None:
        if old is None:
            if not self._is_admitted(range(new.revision), new, _unvouched(new, ())):
                raise unsound("it is a new member, but no two administrators approved it so")
            return
        # More acts than bundles would use up the numbers by which later acts are approved.
        if not old.revision <= new.revision <= old.revision + self._steps:
            raise unsound("the number of acts on it has gone down, or out of reach")
        acts = range(old.revision, new.revision)
        self._check_standing(old, new, acts)
        added = _unvouched(new, old.keys)
        is_joining = (
            added
            or new.title != old.title
            or (old.left_at is not None and new.left_at != old.left_at)
            or any(not self._is_invited(role) for role in set(new.roles) - set(old.roles))
            # Who moves a server's address can have its traffic come by.
            or set(new.endpoints) - set(old.endpoints)
        )
        if is_joining and not self._is_admitted(acts, new, added):
            raise unsound(
                "its title, roles, addresses, standing or keys changed,"
                " but no two administrators approved it so"
            )
        self._check_keys(old, new)
        self._check_logs(old, new)

    def _is_admitted(self, acts: range, member: MemberRecord, keys: list[KeyRecord]) -> bool:
        seen = admission(
            self._federation,
            self._agency,
            member.title,
            member.roles,
            [(key.use, key.public_key) for key in keys],
            servers=[(server.role, server.name, server.address) for server in member.endpoints],
        )
        return self._approvals.hold(
            Act.MEMBER_ACCEPT, self._agency, revisions=acts, detail=digest_of(seen)
        )

    def _is_invited(self, role: Role) -> bool:
        """Whether an administrator invited a party of the agency in a role that serves itself."""
        prefix = f"spiffe://{self._agency}.{self._federation}/{role}/"
        return role in _BY_INVITATION and any(
            statement.act is Act.INVITE and count and statement.subject.startswith(prefix)
            for statement, count in self._approvals.given
        )

    def _check_standing(self, old: MemberRecord, new: MemberRecord, acts: range) -> None:
        for before, after in (
            (old.suspended_at, new.suspended_at),
            (old.left_at, new.left_at),
        ):
            if after == before:
                continue
            if not acts:
                raise unsound("its standing changed, but no act on it is counted")
            # Earlier would take back what was good when it was signed; later is not yet so.
            if after and not self._before <= after <= self._now:
                raise unsound(
                    "it is out of service from before the bundle in use, or in the future"
                )
        if old.suspended_at not in {None, new.suspended_at} and not self._approvals.hold(
            Act.MEMBER_RESUME, self._agency, revisions=acts
        ):
            raise unsound("it is suspended no more, but no two administrators approved it")

    def _check_keys(self, old: MemberRecord, new: MemberRecord) -> None:
        after = {key.key_id: key for key in new.keys}
        for key in old.keys:
            found = after.get(key.key_id)
            if found is None:
                raise unsound(f"the key {key.key_id} has vanished: what it signed stays")
            self._check_key(key, found)
        known = {key.key_id: key for key in old.keys}
        for key in new.keys:
            if key.key_id in known or not key.endorsement:
                continue
            # Keys stand in order, so the earlier ones of this bundle are checked by now.
            earlier = known.get(key.endorsement.key_id)
            if earlier and not is_usable(earlier, self._issued):
                raise unsound(f"{earlier.key_id} vouches for {key.key_id}, but may not any more")

    def _check_key(self, old: KeyRecord, new: KeyRecord) -> None:
        kept = (new.use, new.public_key, new.not_before, new.endorsement)
        if kept != (old.use, old.public_key, old.not_before, old.endorsement):
            raise unsound(f"the key {old.key_id} is another one")
        if new.state is not old.state and not may_become(old.state, new.state):
            raise unsound(f"the key {new.key_id} cannot be {new.state} after it was {old.state}")
        if new.not_after == old.not_after:
            return
        if new.not_after > old.not_after or new.state not in _ENDED:
            raise unsound(f"the key {new.key_id} has another time, though it is {new.state}")
        # An end before the bundle in use takes back what was believed: an administrator states it.
        stated = digest_of(str(unix_ms(new.not_after)).encode())
        if new.not_after < self._before and not self._approvals.hold(
            Act.KEY_TAINT, new.key_id, admins=1, detail=stated
        ):
            raise unsound(f"the key {new.key_id} ends in the past with no administrator's approval")

    def _check_logs(self, old: MemberRecord, new: MemberRecord) -> None:
        after = {log.origin: log.key_ids for log in new.logs}
        for log in old.logs:
            if after.get(log.origin, ())[: len(log.key_ids)] != log.key_ids:
                raise unsound(f"the log {log.origin} has lost a key")


def _unvouched(member: MemberRecord, known: tuple[KeyRecord, ...]) -> list[KeyRecord]:
    """Return the new keys for which no earlier key vouches."""
    names = {key.key_id for key in known}
    return [key for key in member.keys if key.key_id not in names and not key.endorsement]
