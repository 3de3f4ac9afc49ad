"""A memorandum as people write it: YAML, which they read, amend and lint."""

import json
from typing import Final

import yaml

from landbridge.memorandum.document import Memorandum

_WIDTH: Final = 100


def write_draft(memorandum: Memorandum) -> str:
    """Write the YAML of a memorandum; read again, it is the same memorandum."""
    written = memorandum.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    # Through text, so that no two places hold one object, which YAML would write as an alias.
    document = json.loads(json.dumps(written))
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=_WIDTH)
