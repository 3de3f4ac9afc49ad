"""Fields joined by hand are those that the message classes write."""

from hypothesis import given
from hypothesis import strategies as st

from landbridge.v1 import envelope_pb2
from landbridge.wire import number_part, part, text_part, varint


@given(st.integers(0, 2**63 - 1), st.binary(max_size=3000), st.text(max_size=50))
def test_what_is_joined_is_what_protobuf_writes(number: int, data: bytes, text: str) -> None:
    evidence = envelope_pb2.LogEvidence(entry=data, index=number, path=[data])
    assert (part(b"\x0a", data) if data else b"") + number_part(b"\x10", number) + part(
        b"\x1a", data
    ) == evidence.SerializeToString(deterministic=True)
    envelope = envelope_pb2.Envelope(payload_type=text)
    assert text_part(b"\x0a", text) == envelope.SerializeToString(deterministic=True)


def test_numbers_at_the_edges_of_their_lengths() -> None:
    for bits in (7, 11, 14, 21, 28, 35):
        for number in (2**bits - 1, 2**bits, 2**bits + 1):
            evidence = envelope_pb2.LogEvidence(index=number)
            assert b"\x10" + varint(number) == evidence.SerializeToString()
