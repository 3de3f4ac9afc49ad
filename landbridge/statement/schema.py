"""JSON Schemas of signed statements as they lie in files: the signature, and what is signed."""

from typing import Any, Final

from pydantic import BaseModel

from landbridge.described import DescribedSchema
from landbridge.statement.signed import ED25519, ES256

_BASE64URL: Final = {
    "type": "string",
    "pattern": "^[A-Za-z0-9_-]+$",
    "contentEncoding": "base64url",
}


def signed_schema(payload: type[BaseModel], *, name: str, title: str) -> dict[str, Any]:
    """Describe a statement with one signature as JSON Schema 2020-12."""
    described = payload.model_json_schema(schema_generator=DescribedSchema)
    parts = described.pop("$defs", {})
    signature = _object(
        protected=_encoded({"$ref": "#/$defs/Protected"}),
        signature=_BASE64URL,
    )
    return {
        "$schema": DescribedSchema.schema_dialect,
        "$id": f"urn:landbridge:{name}",
        "title": title,
        "description": "JWS in general JSON form with one signature.",
        **_object(
            payload=_encoded({"$ref": "#/$defs/Payload"}),
            signatures={"type": "array", "items": signature, "minItems": 1, "maxItems": 1},
        ),
        "$defs": {
            "Protected": _object(
                alg={"enum": [ED25519, ES256]},
                kid={"type": "string", "minLength": 1, "description": "The id of the key."},
            ),
            "Payload": described
            | {"title": title, "description": "What is signed, as RFC 8785 writes it."},
            **parts,
        },
    }


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _encoded(content: dict[str, Any]) -> dict[str, Any]:
    return _BASE64URL | {"contentMediaType": "application/json", "contentSchema": content}
