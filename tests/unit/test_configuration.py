"""Configuration files: every problem is told at once, with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from landbridge.configuration import checked, complaint, load, position
from landbridge.errors import LandbridgeError, Reason, refuse


def check_even(number: int) -> None:
    if number % 2:
        raise refuse(Reason.INVALID_CONFIGURATION, f"{number} is odd", next_step="add one")


Write = Callable[[str | bytes], Path]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldTable(Table):
    name: str
    type: Literal["text", "integer"] = "text"
    codes: dict[str, str] = Field(default_factory=dict)


class Options(Table):
    listen: str | None = None
    timeout_ms: Annotated[int, checked(check_even)] = 2000


class Dataset(Table):
    name: str
    fields: list[FieldTable] = Field(default_factory=list)
    options: Options | None = None


class Settings(Table):
    title: str
    database: str = ""
    enabled: bool = True
    options: Options = Options()
    datasets: list[Dataset] = Field(default_factory=list)
    agencies: dict[str, Options] = Field(default_factory=dict)
    either: int | Options = 0
    listed: list[Annotated[Options, checked(str)]] = Field(default_factory=list)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str | bytes) -> Path:
        path = tmp_path / "node.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write_file


def problems(path: Path) -> list[str]:
    with pytest.raises(LandbridgeError) as caught:
        load(path, Settings)
    assert caught.value.code == "LB-1101"
    return [line.removeprefix(f"{path}:") for line in caught.value.message.splitlines()]


def test_right_file_becomes_its_model(write: Write) -> None:
    settings = load(
        write('title = "T"\n[[datasets]]\nname = "a"\n[[datasets.fields]]\nname = "f"\n'), Settings
    )
    assert settings.datasets[0].fields[0].name == "f"


def test_byte_order_mark_is_passed_over(write: Write) -> None:
    assert load(write(b'\xef\xbb\xbftitle = "T"'), Settings).title == "T"


def test_every_problem_is_told_in_the_order_of_the_file(write: Write) -> None:
    path = write(
        "database = 5\n"
        'enabled = "maybe"\n'
        "[options]\n"
        "timeuot_ms = 3\n"
        "[[datasets]]\n"
        'name = "a"\n'
        "[[datasets.fields]]\n"
        'type = "integr"\n'
        "[[datasets]]\n"
        'fields = "none"\n'
    )
    assert problems(path) == [
        "1:1: the key 'title' is missing",
        "1:12: a text in quotation marks is expected",
        "2:11: true or false is expected",
        "4:1: unknown key 'timeuot_ms'; did you mean 'timeout_ms'?",
        "7:1: the key 'name' is missing",
        "8:8: 'integr' is not one of text, integer; did you mean 'integer'?",
        "9:1: the key 'name' is missing",
        "10:10: a list in square brackets is expected",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[agencies."a.b"]\ntimeout = 2', "3:1: unknown key 'timeout'; did you mean 'timeout_ms'?"),
        ("agencies.x.lisen = 'a'", "2:12: unknown key 'lisen'; did you mean 'listen'?"),
        ("agencies = { x = { lisen = 'a' } }", "2:20: unknown key 'lisen'; did you mean 'listen'?"),
        ("options = 3", "2:11: a table is expected"),
        ("options.timeout_ms = 3", "2:22: 3 is odd (add one)"),
        ("options.timeout_ms = 2.5", "2:22: a whole number is expected"),
        ("listed = [{lisen = 'a'}]", "2:12: unknown key 'lisen'; did you mean 'listen'?"),
        ("qqqqqq = 3", "2:1: unknown key 'qqqqqq'"),
        (
            '[[datasets]]\nname = "a"\n  [datasets.options]\n  lissten = "x"',
            "5:3: unknown key 'lissten'; did you mean 'listen'?",
        ),
        (
            '[[datasets]]\nname = "a"\n[[datasets.fields]]\nname = "é"\ncodes = {"é" = "1", b = 2}',
            "6:25: a text in quotation marks is expected",
        ),
    ],
)
def test_place_of_a_problem(write: Write, text: str, expected: str) -> None:
    assert problems(write(f'title = "T"\n{text}\n')) == [expected]


def test_problems_of_alternatives_are_placed_without_a_guess(write: Write) -> None:
    path = write('title = "T"\neither = { timeout = 2 }\n')
    assert problems(path) == [
        "2:10: a whole number is expected",
        "2:10: unknown key 'timeout'",
    ]


def test_missing_key_is_placed_at_the_header_of_its_table(write: Write) -> None:
    path = write(
        'title = "T"\n[[datasets]]\nname = "a"\n[[datasets.fields]]\nname = "f"\n'
        '[[datasets]]\nname = "b"\n  [[datasets.fields]] # the second\n  type = "text"\n'
    )
    assert problems(path) == ["8:3: the key 'name' is missing"]


def test_text_that_looks_like_a_header_does_not_mislead(write: Write) -> None:
    path = write('title = """\n[options]\n[not a header\n"""\n[options]\ntimeout_ms = 1\n')
    assert problems(path) == ["6:14: 1 is odd (add one)"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("title = \n", "1:9: "),
        ('title = "T"\ntitle = "U"\n', "2:1: duplicate key"),
        ('title = "é" x\n', "1:13: "),
        ("[options\n", "1:9: "),
        (b'title = "T"\nx = "ab\xe9"\n', "2:8: this is not UTF-8 text"),
    ],
)
def test_text_that_is_not_toml_is_placed(write: Write, text: str, place: str) -> None:
    (problem,) = problems(write(text))
    assert problem.startswith(place)
    assert len(problem) > len("1:10: x")


def test_values_are_not_repeated_where_they_may_be_secret(write: Write) -> None:
    path = write('title = "T"\ndatabase = ["postgresql://u:secret@h/d"]\n')
    assert problems(path) == ["2:12: a text in quotation marks is expected"]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError, match=r"absent\.toml: the file cannot be read") as caught:
        load(tmp_path / "absent.toml", Settings)
    assert caught.value.code == "LB-1101"


def test_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError, match="cannot be read"):
        load(tmp_path, Settings)


NESTED = """title = "T"
[[datasets]]
name = "a"
[[datasets]]
name = "b"
fields = [
  { name = "f" },
  { name = "g", type = "text" },
]
[options]
timeout_ms = 2
"""


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (("title",), "1:9"),
        (("datasets", 1), "4:1"),
        (("datasets", 1, "name"), "5:8"),
        (("datasets", 1, "fields", 1, "type"), "8:24"),
        (("datasets", 1, "fields", 1, "codes"), "8:3"),
        (("options",), "10:1"),
        (("options", "listen"), "10:1"),
        (("absent", "key"), "1:1"),
        ((), "1:1"),
    ],
)
def test_position_of_a_value_for_later_checks(
    write: Write, keys: tuple[str | int, ...], place: str
) -> None:
    path = write(NESTED)
    assert position(path, *keys) == f"{path}:{place}"


def test_complaints_are_placed_and_sorted(write: Write) -> None:
    path = write(NESTED)
    error = complaint(path, [(["datasets", 1, "name"], "no such table"), (["title"], "too plain")])
    assert error.reason is Reason.INVALID_CONFIGURATION
    assert error.message == f"{path}:1:9: too plain\n{path}:5:8: no such table"


def test_key_named_like_the_parsers_own_words_is_an_ordinary_key(write: Write) -> None:
    path = write('[codes]\nkey_line = "a"\nvalue = "b"\nkey = "c"\n')
    assert position(path, "codes", "value") == f"{path}:3:9"
