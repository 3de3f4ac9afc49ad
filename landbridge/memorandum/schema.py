"""The JSON Schema by which editors complete and check memoranda."""

from typing import Any, Final

from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import NullableSchema

from landbridge.described import DescribedSchema
from landbridge.memorandum.condition import Operator
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.written_rule import (
    ALL,
    ANY,
    ASKED,
    FIELD,
    MAX_PARTS,
    MAX_VALUES,
    NAME,
    NOT,
    REFERENCE,
)

# Authors may write decimals bare; they are read and signed as text.
_ONE_VALUE: Final = {"type": ["string", "number", "boolean"]}
_ORDERED: Final = {"type": ["string", "number"]}
_OR_ASKED: Final = {
    "type": "object",
    "properties": {ASKED: {"type": "string", "pattern": NAME}},
    "required": [ASKED],
    "additionalProperties": False,
}
_SCHEMA_OF_VALUE: Final[dict[Operator, dict[str, Any]]] = {
    Operator.EQ: {"anyOf": [_ONE_VALUE, _OR_ASKED], "description": "The field has this value."},
    Operator.NE: {
        "anyOf": [_ONE_VALUE, _OR_ASKED],
        "description": "The field is filled and has another value.",
    },
    Operator.IN: {
        "type": "array",
        "items": _ONE_VALUE,
        "minItems": 1,
        "maxItems": MAX_VALUES,
        "description": "The field has one of these values.",
    },
    Operator.LT: {"anyOf": [_ORDERED, _OR_ASKED], "description": "The field is below this."},
    Operator.LE: {"anyOf": [_ORDERED, _OR_ASKED], "description": "The field is at most this."},
    Operator.GT: {"anyOf": [_ORDERED, _OR_ASKED], "description": "The field is above this."},
    Operator.GE: {"anyOf": [_ORDERED, _OR_ASKED], "description": "The field is at least this."},
    Operator.BETWEEN: {
        "type": "array",
        "items": _ORDERED,
        "minItems": 2,
        "maxItems": 2,
        "description": "The field is at least the first and at most the second.",
    },
    Operator.WITHIN: {
        "type": "string",
        "pattern": r"^P(\d+Y)?(\d+M)?(\d+W)?(\d+D)?$",
        "description": "The day lies within this last period, such as P5Y; today is included.",
    },
    Operator.IS_NULL: {"const": True, "description": "The field is empty."},
    Operator.NOT_NULL: {"const": True, "description": "The field is filled."},
}
_PARTS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"$ref": "#/$defs/RowCondition"},
    "minItems": 1,
    "maxItems": MAX_PARTS,
}
_ROW_CONDITION: Final[dict[str, Any]] = {
    "title": "Row condition",
    "oneOf": [
        {
            "type": "object",
            "properties": {
                FIELD: {
                    "type": "string",
                    "pattern": NAME,
                    "description": "The canonical field that is compared.",
                },
                **{str(operator): schema for operator, schema in _SCHEMA_OF_VALUE.items()},
            },
            "required": [FIELD],
            "minProperties": 2,
            "maxProperties": 2,
            "additionalProperties": False,
        },
        *(
            {
                "type": "object",
                "properties": {key: schema | {"description": words}},
                "required": [key],
                "additionalProperties": False,
            }
            for key, schema, words in (
                (ALL, _PARTS, "Every part is met."),
                (ANY, _PARTS, "At least one part is met."),
                (NOT, {"$ref": "#/$defs/RowCondition"}, "The part is not met."),
            )
        ),
    ],
}


class _Generator(DescribedSchema):
    """Writes what may be left out as what it is where it is written."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        """Leave null out: it is refused."""
        return self.generate_inner(schema["schema"])


def json_schema() -> dict[str, Any]:
    """Describe the YAML form for editors, as JSON Schema 2020-12."""
    schema = Memorandum.model_json_schema(by_alias=True, schema_generator=_Generator)
    # Pydantic lets one write only one of the two into a field's schema: what is unique, or no
    # default; and rules hold rules, which it cannot know.
    grant = schema["$defs"]["Grant"]
    grant["properties"]["fields"].pop("default")
    schema["$defs"]["Predicate"]["properties"]["asks"]["additionalProperties"] = False
    grant["oneOf"] = [{"required": ["fields"]}, {"required": ["predicates"]}]
    schema = _refer(schema)
    schema["$defs"]["RowCondition"] = _ROW_CONDITION
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:landbridge:memorandum",
        **schema,
    }


def _refer(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    if schema == REFERENCE:
        return {"$ref": "#/$defs/RowCondition"}
    if isinstance(schema, dict):
        return {key: _refer(value) for key, value in schema.items()}
    return [_refer(value) for value in schema] if isinstance(schema, list) else schema
