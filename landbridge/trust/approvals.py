"""The approvals that a trust bundle carries, held against those who could give them."""

import base64
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from landbridge.errors import LandbridgeError
from landbridge.keys import KeyUse, read_public
from landbridge.trust.approval import TWO_ADMINS, Act, AdminKey, Statement, count_admins
from landbridge.trust.document import (
    ApprovalRecord,
    AuthorityState,
    BundleDocument,
    KeyRecord,
    MemberRecord,
    unix_ms,
    unsound,
)

_USABLE = {AuthorityState.PUBLISHED, AuthorityState.ACTIVE, AuthorityState.RETIRING}


def admin_keys(content: BundleDocument, at: int) -> dict[str, AdminKey]:
    """Return the keys by which administrators may sign at a time, in Unix milliseconds.

    A key that another introduced is the same person's: else one could become two by himself.
    """
    found: dict[str, AdminKey] = {}
    for member in content.members.values():
        person: dict[str, str] = {}
        for key in member.keys:
            if key.use is KeyUse.ADMIN:
                earlier = key.endorsement.key_id if key.endorsement else key.key_id
                person[key.key_id] = person.get(earlier, key.key_id)
                if is_usable(key, at) and _is_in_good_standing(member, at):
                    found[key.key_id] = AdminKey(read_public(key.public_key), person[key.key_id])
    return found


def is_usable(key: KeyRecord, at: int) -> bool:
    """Whether a key may sign at a time, in Unix milliseconds."""
    return key.state in _USABLE and unix_ms(key.not_before) <= at < unix_ms(key.not_after)


def people(keys: Mapping[str, AdminKey]) -> int:
    """Count the persons behind administrators' keys."""
    return len({key.person for key in keys.values()})


def _is_in_good_standing(member: MemberRecord, at: int) -> bool:
    ends = (member.suspended_at, member.left_at)
    return all(end is None or at < unix_ms(end) for end in ends)


@dataclass(frozen=True, slots=True)
class Approvals:
    """Statements, each with the number of administrators who signed it."""

    given: tuple[tuple[Statement, int], ...]

    @classmethod
    def of(
        cls, records: Iterable[ApprovalRecord], federation: str, keys: Mapping[str, AdminKey]
    ) -> Self:
        """Verify the approvals of a bundle; signatures that do not verify count for nothing.

        Raises:
            LandbridgeError: LB-4010 when a statement cannot be read.
        """
        given: list[tuple[Statement, int]] = []
        for record in records:
            data = record.statement.encode()
            try:
                statement = Statement.read(data)
            except LandbridgeError as error:
                raise unsound(f"an approval: {error.message}") from error
            if statement.federation == federation:
                signatures = [
                    (entry.key_id, base64.urlsafe_b64decode(entry.signature + "=="))
                    for entry in record.signatures
                ]
                given.append((statement, count_admins(data, signatures, keys)))
        return cls(tuple(given))

    def hold(
        self,
        act: Act,
        subject: str,
        *,
        admins: int = TWO_ADMINS,
        revisions: Collection[int] = (0,),
        detail: str | None = None,
    ) -> bool:
        """Whether enough administrators signed this act, at one of these revisions."""
        return any(
            count >= admins
            and statement.act is act
            and statement.subject == subject
            and statement.revision in revisions
            and detail in {None, statement.detail}
            for statement, count in self.given
        )
