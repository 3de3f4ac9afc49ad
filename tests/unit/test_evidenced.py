"""An envelope that is joined from bytes equals the message's own form."""

from hypothesis import given
from hypothesis import strategies as st

from landbridge.envelope import ANSWER_TYPE, evidence_to_proto
from landbridge.evidenced import write_evidenced
from landbridge.log.evidence import Evidence
from landbridge.v1 import envelope_pb2


@given(
    payload=st.binary(min_size=1, max_size=300),
    evidence=st.builds(
        Evidence,
        entry=st.binary(min_size=1, max_size=300),
        index=st.integers(0, 2**63 - 1),
        path=st.lists(st.binary(min_size=32, max_size=32), max_size=64).map(tuple),
        checkpoint=st.binary(min_size=1, max_size=3000),
    ),
)
def test_the_bytes_are_those_of_the_message(payload: bytes, evidence: Evidence) -> None:
    envelope = envelope_pb2.Envelope(
        payload_type=ANSWER_TYPE, payload=payload, log=evidence_to_proto(evidence)
    )
    assert write_evidenced(ANSWER_TYPE, payload, evidence) == envelope.SerializeToString()
