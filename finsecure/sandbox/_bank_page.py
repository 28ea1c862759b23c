"""The page where a customer completes or fails 3D Secure.

It takes the place of the bank's page that `next_action` redirects to. Reference: API Testing, "Visa (3D Secure)".
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import replace
from html import escape
from urllib.parse import parse_qs, quote

import httpx

from ._browser import foreign
from ._http import Request, Response
from ._json import Object
from ._problems import Problem

_METHODS = ("GET", "HEAD", "POST")

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    # No form-action here: it would stop the redirect to the merchant's return_url.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>FinSecure sandbox: {title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem; color: #1c2733 }}
button {{ font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .4rem; color: #fff; margin-right: .5rem }}
.yes {{ background: #0a7c42 }} .no {{ background: #b3261e }} small {{ color: #5b6875 }}
</style></head><body><h1>{title}</h1>{content}
<p><small>FinSecure sandbox. No real money moves.</small></p></body></html>
"""
_QUESTION = """<p>Your bank asks: do you authorise this payment of <strong>{amount}</strong> {currency}
(smallest unit)?</p><form method="post">
<button class="yes" name="outcome" value="authorise">Authorise</button>
<button class="no" name="outcome" value="fail">Fail authentication</button></form>"""


def answer(request: Request, intent: Object | None, resolve: Callable[[bool], None]) -> Response:
    """Return the page or, after its form was sent, a redirect to the `return_url`.

    Args:
        request: A request for the page.
        intent: The PaymentIntent; `None` if there is no such payment.
        resolve: Called with whether the customer authorizes the payment, when the form is sent.
    """
    refused = _refused(request, intent)
    if intent is None or refused:
        return refused or _page(404, "Unknown payment", "<p>There is no such payment in this sandbox.</p>")
    if request.method != "POST":
        question = _QUESTION.format(amount=intent["amount"], currency=escape(intent["currency"].upper()))
        return _page(200, "3D Secure", question)
    outcome = parse_qs(request.body.decode(errors="replace")).get("outcome", [""])[0]
    if outcome not in ("authorise", "fail"):
        return _page(400, "Not understood", "<p>Send the form with one of its two buttons.</p>")
    back: str = intent["next_action"]["redirect_to_url"]["return_url"]
    try:
        resolve(outcome == "authorise")
    except Problem as problem:  # another request resolved it meanwhile
        return _nothing_to_authorise(str(problem))
    return Response(303, {**_HEADERS, "Location": _with_intent(back, intent["id"])}, b"")


def _refused(request: Request, intent: Object | None) -> Response | None:
    """Return an error page, if the request cannot be handled."""
    if request.method not in _METHODS:
        page = _page(405, "Not understood", "<p>Open the page, or send its form.</p>")
        return replace(page, headers={**page.headers, "Allow": ", ".join(_METHODS)})
    if request.method == "POST" and foreign(request):
        return _page(403, "Not from here", "<p>The form was sent by a page of another origin.</p>")
    if intent is not None and intent["status"] != "requires_action":
        return _nothing_to_authorise(f"This payment has status {intent['status']}.")
    return None


def _with_intent(return_url: str, intent: str) -> str:
    """Return the `return_url` with the id of the payment in its query."""
    if return_url.startswith(("https:", "http:")):
        return_url = str(httpx.URL(return_url))  # encodes an international host name for DNS
    url, sign, fragment = return_url.partition("#")
    query = f"payment_intent={quote(intent, safe='')}"
    return quote(f"{url}{'&' if '?' in url else '?'}{query}{sign}{fragment}", safe=string.punctuation)


def _nothing_to_authorise(why: str) -> Response:
    return _page(409, "Nothing to authorise", f"<p>{escape(why)}</p>")


def _page(status: int, title: str, content: str) -> Response:
    return Response(status, _HEADERS, _PAGE.format(title=title, content=content).encode())
