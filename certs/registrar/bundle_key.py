"""The key that signs trust bundles: where it lies, and how two administrators replace it.

1. `bundle-key.replace` of the public key in use, without an attachment: the authority makes the
   next key, unless it has, and gives back its public text. This may be repeated.
2. The same with that text as the attachment, by two administrators: the next bundle is signed by
   the new key, and every party accepts it since the administrators approved it.
"""

from pathlib import Path
from typing import Final

from certs.registrar.plan import Plan, does_not_fit
from certs.registrar.present import Present
from landbridge.keys import KeyUse, SigningKey, public_text

_KEY: Final = "bundle.key"
_NEXT: Final = "bundle.next.key"


def load_bundle_key(folder: Path, stated: str) -> SigningKey:
    """Load the bundle key of which the newest bundle states the public text.

    A replacement that was committed before the files were moved is brought to its end here.

    Raises:
        LandbridgeError: LB-4011 when others may read it; LB-1101 when it is not there.
    """
    path, waiting = folder / _KEY, folder / _NEXT
    if waiting.exists() and public_text(SigningKey.load(waiting).public) == stated:
        waiting.replace(path)
    return SigningKey.load(path)


def save_bundle_key(folder: Path, key: SigningKey) -> None:
    """Write the bundle key with mode 0600."""
    key.save(folder / _KEY)


def plan_bundle_key(subject: str, attachment: bytes, present: Present, folder: Path) -> Plan:
    """Work out what replaces the bundle key.

    Raises:
        LandbridgeError: LB-4015 when it is not the key in use, or the attachment not the next one.
    """
    if subject != present.content.bundle_key:
        raise does_not_fit("that is not the bundle key in use")
    path = folder / _NEXT
    if not attachment:

        def carry_out(number: int) -> bytes:
            del number
            if not path.exists():
                SigningKey.generate(present.bundle.federation, KeyUse.BUNDLE).save(path)
            return public_text(SigningKey.load(path).public).encode()

        effect = "the next bundle key is made; two administrators can now put it in its place"
        return Plan((effect,), carry_out=carry_out, once=False)
    key = SigningKey.load(path) if path.exists() else None
    if key is None or public_text(key.public).encode() != attachment:
        raise does_not_fit(
            "the attachment is not the next bundle key that the authority has made",
            next_step="submit the act without an attachment first: it gives the key",
        )
    return Plan(
        (
            f"bundles are signed by {key.key_id} from now on",
            "every party accepts it by what the administrators signed",
            "those who are invited later are given the new key",
        ),
        present.content,
        key=key,
    )
