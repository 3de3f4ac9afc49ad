"""A party's next signing keys: made and introduced by the party, used once the bundle says so.

The next key waits beside the present one, as `keys/<use>.next.key`, until the trust bundle lists
it as active: then everybody can verify what it signs.
"""

from collections.abc import Callable
from pathlib import Path

from certs.renewal.office import Office
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore
from landbridge.trust.authority import AuthorityState
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.introduction import Introduction


async def introduce_key(folder: Path, use: KeyUse, bundle: TrustBundle, office: Office) -> str:
    """Make a party's next key for a use, unless it waits already, and have the bundle list it.

    Returns the new key's id.

    Raises:
        LandbridgeError: LB-1101 and LB-4011 when the present key cannot be read; LB-1106 when the
            key has been introduced before; what the authority refuses.
    """
    present = SigningKey.load(_present(folder, use))
    waiting = _waiting(folder, use)
    if waiting.exists():
        key = SigningKey.load(waiting)
    else:
        key = SigningKey.generate(present.agency, use)
        key.save(waiting)
    if _state(bundle, key) is not None:
        raise refuse(
            Reason.USAGE,
            f"the next key {key.key_id} is introduced already",
            where=str(waiting),
            next_step="activate it: landbridge cert rotate key",
        )
    introduction = Introduction(bundle.federation, key.agency, use, key.public)
    await office.introduce(
        introduction.to_bytes(),
        present.key_id,
        introduction.sign(present),
        introduction.sign(key),
    )
    return key.key_id


def switch_keys(folder: Path, bundle: TrustBundle, use_now: Callable[[SigningKey], None]) -> None:
    """Put each next key that the bundle lists as active in the place of the one before.

    `use_now` is called first: what it raises leaves the key before in its place. A next key that
    the bundle has given up is removed.

    Raises:
        LandbridgeError: LB-1101 and LB-4011 when a key cannot be read; what `use_now` raises.
    """
    for use in KeyUse:
        waiting = _waiting(folder, use)
        if not waiting.exists():
            continue
        key = SigningKey.load(waiting)
        state = _state(bundle, key)
        if state is AuthorityState.ACTIVE:
            use_now(key)
            waiting.replace(_present(folder, use))
        elif state in (AuthorityState.ABORTED, AuthorityState.TAINTED, AuthorityState.REMOVED):
            waiting.unlink()


def signs_log(log: LogStore, *others: Callable[[SigningKey], None]) -> Callable[[SigningKey], None]:
    """Return what has a log signed with the next log key, and lets other keys pass.

    `others` are given each key after that.
    """

    def use_now(key: SigningKey) -> None:
        if key.use is KeyUse.LOG:
            log.sign_with(key)
        for other in others:
            other(key)

    return use_now


def _state(bundle: TrustBundle, key: SigningKey) -> AuthorityState | None:
    member = bundle.content.members.get(key.agency)
    records = member.keys if member else ()
    return next((record.state for record in records if record.key_id == key.key_id), None)


def _present(folder: Path, use: KeyUse) -> Path:
    return folder / "keys" / f"{use}.key"


def _waiting(folder: Path, use: KeyUse) -> Path:
    return folder / "keys" / f"{use}.next.key"
