"""`GET /openapi.json`: the API described in OpenAPI, for generators of clients and for tests in any language.

The file is written from the parameters of `_operations` and the client's models; a test holds it to both.
"""

from __future__ import annotations

from pathlib import Path

from ._http import Request, Response
from ._problems import not_allowed

PATH = "/openapi.json"

_FILE = Path(__file__).with_name("openapi.json")


def answer(request: Request) -> Response:
    """The document, without a key.

    Raises:
        Problem: 405 for any other method than GET.
    """
    if request.method != "GET":
        raise not_allowed(request.method, "GET")
    return Response(200, {"Content-Type": "application/json"}, _FILE.read_bytes())
