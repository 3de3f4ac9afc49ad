"""docs/memoranda.md, followed word by word."""

import json
import re
import shlex
from pathlib import Path

import pytest

from landbridge.commands.main import run
from landbridge.keys import KeyUse, SigningKey
from landbridge.reasons import REASONS, Reason

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "memoranda.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`(\S+)`\n```(?:yaml|toml)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONSOLES = re.findall(
    r"^```console\n\$ landbridge (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


def words(text: str) -> str:
    """Leave out how lines are broken and tables drawn."""
    return " ".join(re.sub("[┏┓┡┩└┘━┳╇┴┃│─]+", " ", text).split())


def test_every_command_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name, text in FILES:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    right = dict(FILES)["town/memoranda/permits-2025.yaml"]
    Path("town/misspelt.yaml").write_text(right.replace("requesters", "requestors", 1))
    for agency, folder in (("register.gov", "register"), ("city", "city")):
        key = SigningKey.generate(agency, KeyUse.MEMORANDUM)
        key.save(Path(folder) / "keys" / "memorandum.key")
    assert len(CONSOLES) == 6
    for command, shown in CONSOLES:
        run(shlex.split(command))
        printed = capsys.readouterr()
        assert words(printed.err + printed.out) == words(shown), command


@pytest.mark.parametrize("code", sorted(set(re.findall(r"LB-\d{4}", PAGE))))
def test_every_code_on_the_page_exists(code: str) -> None:
    assert code in {Reason(reason).code for reason in REASONS}


def test_every_key_of_the_schema_is_on_the_page() -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "memorandum.schema.json").read_text())
    grant = schema["$defs"]["Grant"]["properties"]
    for keys in (schema["properties"], grant):
        assert all(f"| `{key}` |" in PAGE for key in keys)
    operators = set(grant["where"]["items"]["properties"]) - {"field"}
    assert all(f", {name}: " in PAGE or f"`{name}`: " in PAGE for name in operators)
