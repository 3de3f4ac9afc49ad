"""Records are put together from bytes, and are what the message classes would have built."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, subject_pb2
from node.sources.parsers import Quality, Reading
from node.sources.values import about, compile_as_of_writer, compile_writer, write_name

scalars = st.text(max_size=200) | st.booleans() | st.integers(-(2**63), 2**63 - 1)
readings = st.builds(
    Reading,
    st.none() | scalars | st.lists(st.builds(Reading, scalars, st.text()), min_size=1).map(tuple),
    st.text(max_size=20_000),
    st.sampled_from(Quality),
)


def built(reading: Reading) -> answer_pb2.Value:
    value = answer_pb2.Value(native=reading.native, quality=reading.quality.value)  # type: ignore[arg-type]
    if isinstance(reading.value, bool):
        value.boolean = reading.value
    elif isinstance(reading.value, int):
        value.integer = reading.value
    elif isinstance(reading.value, str):
        value.text = reading.value
    elif reading.value is not None:
        value.list.items.extend(built(item) for item in reading.value)
    return value


@given(values=st.lists(readings, max_size=5), name=st.text(max_size=300), group=st.booleans())
def test_a_record_of_bytes_equals_a_built_one(
    *, values: list[Reading], name: str, group: bool
) -> None:
    parts = [compile_writer(lambda native: values[int(str(native))])(n) for n in range(len(values))]
    record = write_name(name) + about(SubjectId("ope", "00100500"), group) + b"".join(parts)
    assert answer_pb2.Record.FromString(record) == answer_pb2.Record(
        record=name,
        about=subject_pb2.SubjectId(scheme="ope", value="00100500"),
        covers_group=group,
        values=map(built, values),
    )


@pytest.mark.parametrize(
    ("value", "as_of"),
    [
        ("2016-12-01", "2016-12-01"),
        ("2016-12-01T10:00:00Z", "2016-12-01"),
        ("2019-06-20", ""),
        (None, ""),
    ],
)
def test_a_record_states_its_day_where_it_differs_from_the_dataset(
    value: str | None, as_of: str
) -> None:
    write = compile_as_of_writer(lambda _: Reading(value, ""), "2019-06-20")
    record = write_name("1") + about(SubjectId("ope", "1"), covers_group=False) + write("x")
    assert answer_pb2.Record.FromString(record).as_of == as_of


def test_equal_numbers_of_different_types_are_told_apart() -> None:
    write = compile_writer(lambda native: Reading(repr(native), ""))
    assert len({write(1), write(1.0), write(True)}) == 3  # noqa: FBT003 - the value
