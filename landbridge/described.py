"""JSON Schemas whose fields say what the docstrings in the source say of them.

Pydantic would read the source of each model whenever it is loaded; only schemas need the words.
"""

import ast
import inspect
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema


class DescribedSchema(GenerateJsonSchema):
    """Writes the docstring of a field as its description."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """Add the docstrings of a model's fields."""
        written = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        properties: dict[str, dict[str, Any]] = written.get("properties", {})
        for parent in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
            for name, words in _docstrings(parent).items():
                field = model.model_fields[name]
                if field.description is None:
                    properties[field.alias or name]["description"] = words
        return written


def _docstrings(model: type) -> dict[str, str]:
    """Return the docstrings that stand below a class's own fields, by the fields' names."""
    (found,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(model))).body
    if not isinstance(found, ast.ClassDef):
        return {}
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(found.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
