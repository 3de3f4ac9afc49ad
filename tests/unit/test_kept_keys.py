"""Keys of sealed queries: kept until the profile came, handed out once, and never for ever."""

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.kept_keys import KeptKeys
from landbridge.sealing import SealingKey

KEY = SealingKey.generate()


def refused(keys: KeptKeys, payload: bytes) -> None:
    with pytest.raises(LandbridgeError) as caught:
        keys.take(payload)
    assert caught.value.reason is Reason.SEAL_BROKEN


def test_each_query_of_a_batch_has_its_key_once() -> None:
    keys = KeptKeys()
    keys.keep(KEY, [b"first", b"second"], expires_at=60_000, at=0)
    assert keys.take(b"first") is KEY
    assert keys.take(b"second") is KEY
    refused(keys, b"first")


def test_a_query_that_was_not_sealed_here_has_none() -> None:
    refused(KeptKeys(), b"query")


def test_a_key_is_forgotten_when_no_profile_can_come_any_more() -> None:
    keys = KeptKeys()
    keys.keep(KEY, [b"late"], expires_at=60_000, at=0)
    keys.keep(SealingKey.generate(), [b"next"], expires_at=180_000, at=120_000)
    keys.keep(SealingKey.generate(), [b"later"], expires_at=181_000, at=120_001)
    refused(keys, b"late")
    assert keys.take(b"next")
