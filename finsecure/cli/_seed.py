"""`finsecure sandbox --seed FILE`: create the initial state with a list of requests to the API.

    [
      {"as": "ada", "path": "/v1/customers", "body": {"email": "ada@example.com"}},
      {"as": "card", "path": "/v1/payment_methods", "body": {"type": "card", "card": {...}}},
      {"path": "/v1/payment_methods/{card}/attach", "body": {"customer": "{ada}"}}
    ]

`{ada}` is replaced by the id in the response to the request with that name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx

from finsecure.sandbox import Sandbox

_METHODS = ("POST", "PUT", "DELETE")
_MEMBERS = {"as", "method", "path", "body"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"/(?:v1|sandbox)/[!-~]+")
_REFERENCE = re.compile(rf"\{{({_NAME.pattern})\}}")
_LISTS = ("events", "payment_methods", "payment_intents", "webhook_endpoints")
"""At least one of these lists has an entry once a sandbox was used."""


def seed(sandbox: Sandbox, file: str) -> bool:
    """Send the requests in a file to a sandbox, unless it already contains data.

    Args:
        sandbox: The sandbox to seed.
        file: The path of a JSON file.

    Returns:
        Whether the requests were sent.

    Raises:
        ValueError: The file is not a list of requests, or the sandbox refused one. The message gives the number of the
            request, and nothing of its body.
    """
    requests = _read(file)
    headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
    with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers) as http:
        if any(http.get(f"/v1/{name}", params={"limit": 1}).json()["data"] for name in _LISTS):
            return False
        ids: dict[str, str] = {}
        for number, request in enumerate(requests, 1):
            try:
                ident = _send(http, request, ids)
            except (ValueError, RecursionError) as error:
                sandbox.reset()  # or half of it would stay in the file, and would not be seeded again
                raise ValueError(f"{file}: request {number}: {error}") from None
            if "as" in request:
                ids[request["as"]] = ident
    return True


def _read(file: str) -> list[dict[str, Any]]:
    try:
        requests: object = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise ValueError(f"{file} is not JSON in UTF-8.") from None
    if not isinstance(requests, list):
        raise ValueError(f'{file} must be a list of requests: [{{"path": "/v1/customers", "body": {{...}}}}, ...].')  # noqa: TRY004 - the file is wrong, not an argument
    for number, request in enumerate(cast("list[object]", requests), 1):
        wrong = _mistake(request)
        if wrong:
            raise ValueError(f"{file}: request {number}: {wrong}")
    return cast("list[dict[str, Any]]", requests)


def _mistake(request: object) -> str | None:
    """Say what is wrong with a request, before any is sent; `None` if nothing is."""
    if not isinstance(request, dict):
        return "it must be an object with path and body."
    members = cast("dict[str, object]", request)
    path, name = members.get("path"), members.get("as", "_")
    if members.keys() - _MEMBERS:
        return "it may have the members as, method, path and body, and no others."
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        return "path must be a path of the sandbox, such as /v1/customers."
    if members.get("method", "POST") not in _METHODS:
        return f"method must be one of {', '.join(_METHODS)}."
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "as must be a name of ASCII letters, digits and underscores."
    return None if isinstance(members.get("body", {}), dict) else "body must be an object."


def _send(http: httpx.Client, request: Mapping[str, Any], ids: Mapping[str, str]) -> str:
    """Send one request and return the id in the response."""
    method, path = request.get("method", "POST"), _filled_in(request["path"], ids)
    answer = http.request(method, path, json=_filled_in(request.get("body", {}), ids))
    body: dict[str, Any] = answer.json()
    if answer.is_success:
        return str(body.get("id", ""))
    if answer.status_code == 402:  # a declined payment may be part of a seed
        return str(body["error"].get("payment_intent", {}).get("id", ""))
    raise ValueError(f"{method} {request['path']} was answered {answer.status_code}: {body['error']['message']}")


def _filled_in(value: Any, ids: Mapping[str, str]) -> Any:
    """Replace the names of earlier requests in a value by their ids."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _id(match[1], ids), value)
    if isinstance(value, list):
        return [_filled_in(member, ids) for member in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _filled_in(member, ids) for name, member in cast("dict[str, object]", value).items()}
    return value


def _id(name: str, ids: Mapping[str, str]) -> str:
    if name not in ids:
        raise ValueError(f"{{{name}}} is not the name of an earlier request.")
    return ids[name]
