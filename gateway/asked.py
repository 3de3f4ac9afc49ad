"""What one node is asked in a step of a query."""

from typing import NamedTuple

from landbridge.v1 import query_pb2


class Asked(NamedTuple):
    """Step, round and datasets: an answer has to be to just these."""

    step: query_pb2.Step.ValueType
    round: int
    datasets: list[str]
