"""`GET /openapi.json`: the OpenAPI document of the API, for client generators and for tests in any language.

The file is generated from the parameters of `_operations` and the client's models. A test checks that it is up to date.
"""

from __future__ import annotations

from pathlib import Path

from ._http import Request, Response
from ._problems import not_allowed

PATH = "/openapi.json"

_FILE = Path(__file__).with_name("openapi.json")


def answer(request: Request) -> Response:
    """Return the document. No API key is needed.

    Raises:
        Problem: 405 for methods other than GET.
    """
    if request.method != "GET":
        raise not_allowed(request.method, "GET")
    return Response(200, {"Content-Type": "application/json"}, _FILE.read_bytes())
