"""The page of docs/browser.md works: its HTML in Chromium, its server, and a sandbox, each at an origin of its own."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from finsecure.sandbox import Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "browser.md"

FILL_IN = """
<script>
  document.getElementById("number").value = "%s";
  document.getElementById("exp_month").value = "12";
  document.getElementById("exp_year").value = "2030";
  document.getElementById("cvc").value = "123";
  document.querySelector("form").requestSubmit();
</script>
"""
"""What a customer does."""

TRY = """
<!doctype html>
<output></output>
<script>
  const attempt = ([path, method, key]) => fetch("%s" + path, {
    method,
    body: method === "POST" ? "{}" : undefined,
    headers: key ? { "Authorization": `Bearer ${key}`, "Content-Type": "application/json" } : {},
  }).then((answer) => answer.status, (error) => error.name);
  Promise.all(%s.map(attempt)).then((outcomes) => {
    document.querySelector("output").textContent = JSON.stringify(outcomes);
  });
</script>
"""
"""Requests that a page makes, and what it learns of each: a status, or that it was not let."""


def code(language: str) -> str:
    """The one block of that language on the page."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(block)


class Shop:
    """A shop's server on a loopback port, with a page of the test's own at `/`."""

    def __init__(self, routes: list[BaseRoute]) -> None:
        self.page = ""
        application = Starlette(routes=[Route("/", self._show), *routes])
        config = uvicorn.Config(application, port=0, log_config=None, lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._socket = config.bind_socket()
        self.url = f"http://localhost:{self._socket.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()

    async def _show(self, _: Any) -> HTMLResponse:
        return HTMLResponse(self.page)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


class Setting:
    """A sandbox, the page with its base URL and key in place of the API's, the shop's server, and Chromium."""

    def __init__(self, sandbox: Sandbox, base_url: str, shop: Shop, browser: list[str]) -> None:
        self.sandbox, self.base_url, self.shop, self._browser = sandbox, base_url, shop, browser
        self.page = code("html")
        for theirs, ours in [
            ("https://api-sandbox.finsecure.com", base_url),
            ("pk_test_...", sandbox.publishable_key),
        ]:
            assert self.page.count(theirs) == 1
            self.page = self.page.replace(theirs, ours)

    def show(self, page: str) -> str:
        """What Chromium makes of a page, once nothing happens any more."""
        self.shop.page = page
        command = [*self._browser, "--dump-dom", self.shop.url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@pytest.fixture
def setting(chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    # Time passes at once, but stands still while a request is under way.
    browser = [chromium, "--headless", *as_root, f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000"]
    with Sandbox() as sandbox, sandbox.serve() as server:
        monkeypatch.setenv("FINSECURE_BASE_URL", server.base_url)
        namespace: dict[str, Any] = {}
        exec(code("python").replace("sk_test_...", sandbox.secret_key), namespace)
        shop = Shop(namespace["shop"].routes)
        try:
            yield Setting(sandbox, server.base_url, shop, browser)
        finally:
            shop.close()


def shown(dom: str) -> str:
    """What the page says at its end."""
    (output,) = re.findall(r"<output>(.*?)</output>", dom, re.DOTALL)
    return html.unescape(output)


def test_a_customer_pays_and_the_card_never_reaches_the_shop(setting: Setting) -> None:
    assert shown(setting.show(setting.page + FILL_IN % "4242424242424242")) == "succeeded"
    operations = [request.operation for request in setting.sandbox.requests]
    assert operations == ["payment_methods.create", "payment_intents.create", "payment_intents.confirm"]
    (intent,) = setting.sandbox.client().payment_intents.list()
    assert (intent.amount_received, intent.metadata) == (1999, {"order_id": "order_12345"})


def test_a_declined_customer_reads_advice(setting: Setting) -> None:
    dom = setting.show(setting.page + FILL_IN % "4000000000000127")
    assert shown(dom) == "Please check your card's security code and try again."


def test_a_card_that_the_api_refuses_is_told_in_its_words(setting: Setting) -> None:
    """The page reads the answer of the API, although it is of another origin."""
    assert "card.number" in shown(setting.show(setting.page + FILL_IN % "4242"))
    assert [request.status for request in setting.sandbox.requests] == [400]


def test_a_card_with_3d_secure_leads_to_the_bank(setting: Setting) -> None:
    dom = setting.show(setting.page + FILL_IN % "4000002760003184")
    (intent,) = setting.sandbox.client().payment_intents.list()
    assert intent.status == "requires_action"
    assert 'name="outcome"' in dom


def test_a_page_may_do_that_alone(setting: Setting) -> None:
    """A status is what the page could read; a TypeError is what a browser says where it was not let."""
    secret, publishable = setting.sandbox.secret_key, setting.sandbox.publishable_key
    tries: dict[tuple[str, str, str | None], int | str] = {
        ("/v1/payment_methods", "POST", publishable): 400,  # no parameters
        ("/v1/payment_methods", "POST", None): 401,
        ("/v1/payment_methods", "POST", secret): "TypeError",
        ("/v1/payment_methods", "GET", publishable): "TypeError",
        ("/v1/customers", "POST", publishable): "TypeError",
        ("/v1/customers", "GET", secret): "TypeError",
        ("/v1/customers", "POST", secret): "TypeError",
        ("/sandbox/reset", "POST", secret): "TypeError",
    }
    dom = setting.show(TRY % (setting.base_url, json.dumps([*tries])))
    assert json.loads(shown(dom)) == [*tries.values()]
    client = setting.sandbox.client()
    assert [*client.customers.list(), *client.payment_methods.list()] == []


def test_the_form_itself_sends_no_card_anywhere() -> None:
    """A field without a name is not part of what a form sends, should the script not run."""
    fields = re.findall(r"<input [^>]+>", code("html"))
    assert len(fields) == 4
    assert not [field for field in fields if "name=" in field]
