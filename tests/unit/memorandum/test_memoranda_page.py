"""docs/memoranda.md tells of everything there is, and of nothing else."""

import json
import re
from pathlib import Path

import pytest

from landbridge.commands.memo.app import COMMANDS
from landbridge.memorandum.condition import Operator
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Window
from landbridge.memorandum.stage import Stage
from landbridge.reasons import REASONS, Reason

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "memoranda.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "memorandum.schema.json").read_text())
YAML = re.findall(r"^`(\S+\.yaml)`\n```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", sorted(set(re.findall(r"LB-\d{4}", PAGE))))
def test_every_code_on_the_page_exists(code: str) -> None:
    assert code in {Reason(reason).code for reason in REASONS}


def test_every_key_of_the_schema_is_on_the_page() -> None:
    grant = SCHEMA["$defs"]["Grant"]["properties"]
    for keys in (SCHEMA["properties"], grant):
        assert [key for key in keys if f"| `{key}` |" not in PAGE] == []
    for name in ("Predicate", "Argument", "Quota"):
        for key in SCHEMA["$defs"][name]["properties"]:
            assert f"`{key}`" in PAGE or f"{{{key}: " in PAGE or f", {key}: " in PAGE, key


def test_every_operator_and_window_is_on_the_page() -> None:
    for name in (*Operator, "all", "any", "not"):
        assert f", {name}: " in PAGE or f"`{name}`: " in PAGE or f"{{{name}: " in PAGE, name
    assert [window for window in Window if f"`{window}`" not in PAGE] == []


def test_every_stage_and_command_is_on_the_page() -> None:
    assert [stage for stage in Stage if f"| {stage} |" not in PAGE] == []
    named = set(re.findall(r"landbridge memo ([a-z]+)", PAGE)) | set(
        re.findall(r"`memo ([a-z]+)", PAGE)
    )
    assert named == set(COMMANDS)


def test_every_link_leads_somewhere() -> None:
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in headings}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = target.partition("#")
        assert (ROOT / "docs" / path).exists(), target
        assert not anchor or path or anchor in anchors, target


@pytest.mark.parametrize(("name", "text"), YAML, ids=[name for name, _ in YAML])
def test_the_memoranda_of_the_page_are_in_order(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / Path(name).name
    path.write_text(text, encoding="utf-8")
    assert Memorandum.from_yaml(path).id == path.stem


def test_the_files_of_the_walk_lie_in_the_examples() -> None:
    shown = dict(re.findall(r"^`(town/\S+)`\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    folder = ROOT / "examples"
    files = {
        str(path.relative_to(folder)) for path in (folder / "town").rglob("*") if path.is_file()
    }
    assert shown == {name: (folder / name).read_text(encoding="utf-8") for name in files}
