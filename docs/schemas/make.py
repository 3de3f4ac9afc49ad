"""Writes the JSON Schemas that follow from the code anew: `python docs/schemas/make.py`."""

import json
from pathlib import Path

from landbridge.configuration import json_schema
from landbridge.consent import record
from landbridge.federation_file import FederationFile
from landbridge.memorandum import schema
from landbridge.rights import correction
from node.node_file import NodeFile

MODELS = {"federation": FederationFile, "node": NodeFile}
SIGNED = {"memorandum": schema, "consent": record, "correction": correction}

if __name__ == "__main__":
    for name, model in MODELS.items():
        Path(__file__).with_name(f"{name}.schema.json").write_text(
            json_schema(model), encoding="utf-8"
        )
    for name, module in SIGNED.items():
        Path(__file__).with_name(f"{name}.schema.json").write_text(
            json.dumps(module.json_schema(), indent=2) + "\n", encoding="utf-8"
        )
