#!/usr/bin/env python
"""Write the JSON Schema of ``results.json`` from the types in ``lit_samseg.results.contents``.

Usage: python scripts/write_schema.py
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import is_typeddict

from lit_samseg.results import contents, row_contents

OPEN = (contents.BaselineFacts,)
"""What may have further keys."""


class _Untitled(GenerateJsonSchema):
    """A schema without the titles that say each name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
        return {key: value for key, value in super().typed_dict_schema(schema).items() if key != "title"}


def make_schema() -> dict[str, Any]:
    """Return the schema."""
    for kind in (vars(contents) | vars(row_contents)).values():
        if is_typeddict(kind):
            extra = "allow" if kind in OPEN else "forbid"
            kind.__pydantic_config__ = ConfigDict(extra=extra, use_attribute_docstrings=True)
    made, facts = (
        TypeAdapter(kind).json_schema(schema_generator=_Untitled) for kind in (contents.Results, contents.RunFacts)
    )
    # pydantic reads the docstrings of a class's own keys.
    made["properties"] |= facts["properties"]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "results.json of lit-samseg test",
        "description": "Scores are fractions; null where there is none.",
    }
    return head | {key: made[key] for key in made if key not in head}


def as_text(schema: dict[str, Any]) -> str:
    """Return the schema as its file has it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    path = Path(str(files("lit_samseg.results") / "results.schema.json"))
    path.write_text(as_text(make_schema()), encoding="utf-8")
    print(f"Written to {path}")
