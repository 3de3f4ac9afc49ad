"""CSV files as registers publish them, and the refusal of those that are broken."""

from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from node.node_file import FileTable
from node.sources.csv_file import Row, read_csv


def read(folder: Path, content: bytes, **keys: object) -> tuple[tuple[str, ...], list[Row]]:
    path = folder / "records.csv"
    path.write_bytes(content)
    table = FileTable.model_validate({"table": "t", "path": path.name, **keys})
    columns, rows = read_csv(path, table)
    return columns, list(rows)


def test_rows_carry_the_line_on_which_they_begin(tmp_path: Path) -> None:
    content = b'id,note\r\n1,"two\r\nlines"\r\n\r\n2,x\r\n3,y'
    columns, rows = read(tmp_path, content)
    assert columns == ("id", "note")
    assert rows == [(2, "1", "two\r\nlines"), (5, "2", "x"), (6, "3", "y")]


def test_a_preamble_is_passed_over(tmp_path: Path) -> None:
    content = b"Institutions as of 12-1-2015,,\nSource: PEPS,,\nOPE ID,Name,City\n1,A,B\n"
    columns, rows = read(tmp_path, content, header_line=3)
    assert columns == ("OPE ID", "Name", "City")
    assert rows == [(4, "1", "A", "B")]


def test_cells_are_not_altered(tmp_path: Path) -> None:
    content = b'opeid,n\n"""00100500"""," $40,770.00 "\n'.replace(b" $40,770.00 ", b" $40 ")
    assert read(tmp_path, content)[1] == [(2, '"00100500"', " $40 ")]


def test_column_names_are_kept_with_blanks_and_line_breaks(tmp_path: Path) -> None:
    columns, _ = read(tmp_path, b'ID, Number of trainees ,"\nNum 1"\n')
    assert columns == ("ID", " Number of trainees ", "\nNum 1")


def test_columns_without_a_name_of_their_own_get_one(tmp_path: Path) -> None:
    columns, rows = read(tmp_path, b"a,A,a, ,\n1,2,3,4,5\n")
    assert columns == ("a", "A (2)", "a (3)", "column 4", "column 5")
    assert rows == [(2, "1", "2", "3", "4", "5")]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", "OPE ID\nCatólica\n".encode()),
        ("utf-8", b"\xef\xbb\xbf" + "OPE ID\nCatólica\n".encode()),
        ("utf-8-sig", b"\xef\xbb\xbf" + "OPE ID\nCatólica\n".encode()),
        ("cp1252", "OPE ID\nCatólica\n".encode("cp1252")),
        ("latin-1", "OPE ID\nCatólica\n".encode("latin-1")),
        ("utf-16", "OPE ID\nCatólica\n".encode("utf-16")),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, content: bytes) -> None:
    assert read(tmp_path, content, encoding=encoding) == (("OPE ID",), [(2, "Católica")])


def test_other_delimiters(tmp_path: Path) -> None:
    assert read(tmp_path, b"a;b\n1,5;2\n", delimiter=";") == (("a", "b"), [(2, "1,5", "2")])


@pytest.mark.parametrize(
    ("content", "keys", "line", "message"),
    [
        (b"a,b\n1,2\n1,2,3\n", {}, 3, "the row has 3 cells where the header names 2 columns"),
        (b"a,b\n1,2\n1\n", {}, 3, "the row has 1 cells where the header names 2 columns"),
        (b"title,,\na,b\n1,2\n", {}, 2, "the row has 2 cells where the header names 3 columns"),
        (b'a,b\n1,2\n1,"2\n3,4\n', {}, 3, "the row cannot be read: unexpected end of data"),
        (b'a,b\n1,"2"x\n', {}, 2, "the row cannot be read: ',' expected after '\"'"),
        (b"a,b\n1,2\n1,\xd5\n", {}, 3, "byte 3 of the line, 0xd5, is not text in utf-8"),
        (
            b"a,b\n1,\x81\n",
            {"encoding": "cp1252"},
            2,
            "byte 3 of the line, 0x81, is not text in cp1252",
        ),
        (
            b"\xef\xbb\xbfa,b\n",
            {"encoding": "cp1252"},
            1,
            "begins with the byte order mark of utf-8, not cp1252",
        ),
        (b"\xff\xfea\x00", {}, 1, "begins with the byte order mark of utf-16, not utf-8"),
        (b"", {}, 1, "the file ends before its header"),
        (b"a,b\n1,2\n", {"header_line": 9}, 9, "the file ends before its header"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", {}, 2, "field larger than field limit"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    tmp_path: Path, content: bytes, keys: dict[str, object], line: int, message: str
) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read(tmp_path, content, **keys)
    assert caught.value.reason is Reason.UNREADABLE_FILE
    assert caught.value.where == f"{tmp_path}/records.csv:{line}"
    assert message in caught.value.message
    assert caught.value.next_step


def test_half_a_sixteen_bit_character_is_refused(tmp_path: Path) -> None:
    content = "a,b\n1,2\n".encode("utf-16") + b"\x00"
    with pytest.raises(LandbridgeError, match="the file is not text in utf-16"):
        read(tmp_path, content, encoding="utf-16")
