"""What schemathesis is told about this API: `tests/contract/run.py` loads it."""

from __future__ import annotations

import json
import os
import uuid
import zlib
from typing import Any

import schemathesis

from tests.contract.rules import SEMANTIC_CODES, is_ruled

OBJECTS: dict[str, str] = json.loads(os.environ["FINSECURE_OBJECTS"])
"""An existing object of each kind, by the path of its list."""


def before_call(context: object, case: Any, kwargs: object) -> None:
    """Give each request a key of its own, and half of those about an object one that exists."""
    del context, kwargs
    key: str = case.headers.get("Idempotency-Key", "") if case.headers else ""
    if key.strip():
        case.headers["Idempotency-Key"] = f"{uuid.uuid4()}{key}"[: max(36, len(key))]
    parameters = case.path_parameters
    existing = OBJECTS.get(case.path.partition("/{id}")[0])
    if parameters and existing and zlib.crc32(repr(case).encode()) % 2:
        parameters["id"] = existing


def right_requests_are_accepted(context: object, response: Any, case: Any) -> None:
    """A request that the document allows is refused only for what JSON Schema cannot say."""
    del context
    mode = getattr(getattr(case.meta, "generation", None), "mode", None)
    if getattr(mode, "value", None) != "positive" or response.status_code != 400:
        return
    error: dict[str, Any] = response.json()["error"]
    name: str = case.operation.definition.raw["operationId"].replace("s_", "s.", 1)
    cursors = error.get("param") == "ending_before"  # not together with starting_after
    # To JSON Schema 2000.0 is an integer; the API takes amounts as integers alone.
    whole_float = "integer" in error["message"] and ".0" in json.dumps(case.body, default=str)
    if not (cursors or whole_float or is_ruled(name, error.get("param", "")) or error.get("code") in SEMANTIC_CODES):
        raise AssertionError(f"refused, though the document allows it: {error}")


tool: Any = schemathesis
tool.hook(before_call)
tool.check(right_requests_are_accepted)
