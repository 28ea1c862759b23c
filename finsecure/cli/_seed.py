"""`finsecure sandbox --seed FILE`: what a sandbox begins with, as a list of requests to its API.

    [
      {"as": "ada", "path": "/v1/customers", "body": {"email": "ada@example.com"}},
      {"as": "card", "path": "/v1/payment_methods", "body": {"type": "card", "card": {...}}},
      {"path": "/v1/payment_methods/{card}/attach", "body": {"customer": "{ada}"}}
    ]

`{ada}` stands for the id in the answer to the request of that name.
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
"""What there is something of wherever a sandbox was used before."""


def seed(sandbox: Sandbox, file: str) -> bool:
    """Send a sandbox the requests of a file, unless something is in it already.

    Args:
        sandbox: The sandbox.
        file: The file.

    Returns:
        Whether they were sent.

    Raises:
        ValueError: It holds no list of requests, or the sandbox refused one. The message names the request, and repeats
            nothing of its body.
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
        raise ValueError(f'{file} must be a list of requests: [{{"path": "/v1/customers", "body": {{...}}}}, ...].')  # noqa: TRY004 - what is wrong is the file, not an argument
    for number, request in enumerate(cast("list[object]", requests), 1):
        wrong = _mistake(request)
        if wrong:
            raise ValueError(f"{file}: request {number}: {wrong}")
    return cast("list[dict[str, Any]]", requests)


def _mistake(request: object) -> str | None:
    """What is wrong with a request, before it is sent."""
    if not isinstance(request, dict):
        return "it must be an object with path and body."
    members = cast("dict[str, object]", request)
    path, name = members.get("path"), members.get("as", "_")
    if members.keys() - _MEMBERS:
        return "it may have the members as, method, path and body, and no other."
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        return "path must be a path of the sandbox, such as /v1/customers."
    if members.get("method", "POST") not in _METHODS:
        return f"method must be one of {', '.join(_METHODS)}."
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "as must be a name of ASCII letters, digits and underscores."
    return None if isinstance(members.get("body", {}), dict) else "body must be an object."


def _send(http: httpx.Client, request: Mapping[str, Any], ids: Mapping[str, str]) -> str:
    """Send one request; the id in the answer."""
    method, path = request.get("method", "POST"), _filled_in(request["path"], ids)
    answer = http.request(method, path, json=_filled_in(request.get("body", {}), ids))
    body: dict[str, Any] = answer.json()
    if answer.is_success:
        return str(body.get("id", ""))
    if answer.status_code == 402:  # a decline is an outcome, and its traces stay
        return str(body["error"].get("payment_intent", {}).get("id", ""))
    raise ValueError(f"{method} {request['path']} was answered {answer.status_code}: {body['error']['message']}")


def _filled_in(value: Any, ids: Mapping[str, str]) -> Any:
    """A value with ids in place of the names of earlier requests."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _id(match[1], ids), value)
    if isinstance(value, list):
        return [_filled_in(member, ids) for member in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _filled_in(member, ids) for name, member in cast("dict[str, object]", value).items()}
    return value


def _id(name: str, ids: Mapping[str, str]) -> str:
    if name not in ids:
        raise ValueError(f"{{{name}}} is the name of no request before this one.")
    return ids[name]
