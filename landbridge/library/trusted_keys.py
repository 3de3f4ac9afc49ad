"""Which keys a party trusts for memoranda, as of a time, and when that changes by itself."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.keys import KeyUse
from landbridge.memorandum.signed_form import FindKey
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import AuthorityState, unix_ms

_TRUSTED = {AuthorityState.PUBLISHED, AuthorityState.ACTIVE, AuthorityState.RETIRING}


def memorandum_keys(bundle: TrustBundle, at: int) -> FindKey:
    """Return what finds the keys that a bundle trusts for memoranda.

    What a suspended agency signed before stands: the others' agreement does not end with it.
    """

    def find(key_id: str) -> tuple[str, Ed25519PublicKey]:
        return bundle.verifying_key(key_id, KeyUse.MEMORANDUM, _in_service(bundle, key_id, at))

    return find


def next_change(bundle: TrustBundle, at: int) -> int | None:
    """Return when a key of the bundle next begins or ends by itself, in Unix milliseconds."""
    times = (
        unix_ms(time)
        for member in bundle.content.members.values()
        for record in member.keys
        for time in (record.not_before, record.not_after)
    )
    return min((time for time in times if time > at), default=None)


def _in_service(bundle: TrustBundle, key_id: str, at: int) -> int:
    """Return the time by which a memorandum's key is judged: now, or the agency's last in service.

    A key that is tainted or removed is judged by now in any case: nobody can tell when it signed.
    """
    member = bundle.content.members.get(key_id.partition("/")[0])
    record = next((one for one in member.keys if one.key_id == key_id), None) if member else None
    if member is None or record is None or record.state not in _TRUSTED:
        return at
    ends = (member.suspended_at, member.left_at)
    return min([at, *(unix_ms(end) - 1 for end in ends if end)])
