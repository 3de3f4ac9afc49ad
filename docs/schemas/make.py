"""Writes the JSON Schemas of the files that people write anew: `python docs/schemas/make.py`."""

import json
from pathlib import Path

from landbridge.configuration import json_schema
from landbridge.consent import record
from landbridge.federation_file import FederationFile
from landbridge.memorandum import schema
from node.node_file import NodeFile

MODELS = {"federation": FederationFile, "node": NodeFile}

if __name__ == "__main__":
    for name, model in MODELS.items():
        Path(__file__).with_name(f"{name}.schema.json").write_text(
            json_schema(model), encoding="utf-8"
        )
    Path(__file__).with_name("memorandum.schema.json").write_text(
        json.dumps(schema.json_schema(), indent=2) + "\n", encoding="utf-8"
    )
    Path(__file__).with_name("consent.schema.json").write_text(
        json.dumps(record.json_schema(), indent=2) + "\n", encoding="utf-8"
    )
