"""Where our own time goes, stage by stage and without a network: what is left to save, and what is not ours.

Times are the best of several, in a loop that never waits: after a wait the same stages take longer, since the
processor's caches have forgotten them.
"""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
import timeit
from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

from tests.benchmarks import clients, data

COLD = f"""
import finsecure
client = finsecure.Client({data.KEY!r}, base_url="http://127.0.0.1:9", max_retries=0, transport=TRANSPORT)
try:
    client.payment_intents.create(amount=2000, currency="usd")
except finsecure.APIConnectionError:
    pass
"""
PACKAGES = {
    "pydantic": ("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions"),
    "the HTTP library": ("httpcore", "httpx", "h11", "certifi", "pyreqwest"),
    "finsecure": ("finsecure",),
}


def best(call: Callable[[], object]) -> float:
    """Seconds for one."""
    timer = timeit.Timer(call)
    number, _ = timer.autorange()
    return min(timer.repeat(7, number)) / number


def of_a_call() -> dict[str, float]:
    """One `create`, by what `Client.send` does."""
    import finsecure
    from finsecure import _wire
    from finsecure._exchange import Exchange
    from finsecure._http import Response
    from finsecure._retry import RetryBudget
    from finsecure.resources._validate import validator
    from finsecure.resources.payment_intents import PaymentIntents

    params: dict[str, Any] = {**data.PARAMS, "metadata": data.METADATA}

    class Described:
        def send(self, call: Any) -> Any:
            return call

    class Answered:
        def send(self, *_: object) -> Any:
            return answer

    sender: Any = Described()
    described = cast("Any", PaymentIntents(sender))
    client = finsecure.Client(data.KEY)
    vars(client)["_transport"] = Answered()
    config = vars(client)["_config"]
    call = described.create(**params)
    request = _wire.encode(call, config)
    exchange = Exchange(call, request, config, RetryBudget())
    answer = Response(200, {b"request-id": b"req_1"}, data.intent())
    validate = validator(call.returns).validate_json
    return {
        "check the parameters, build the Call": best(lambda: described.create(**params)),
        "encode: path, JSON, headers, key": best(lambda: _wire.encode(call, config)),
        "decode: the object and its last_response": best(lambda: _wire.decode(exchange, answer)),
        "… of that, pydantic-core": best(lambda: validate(answer.body)),
        "a whole call, without the transport": best(lambda: client.payment_intents.create(**params)),
    }


def of_a_page() -> dict[str, float]:
    """A page of a hundred."""
    from finsecure.resources._validate import validator
    from finsecure.resources.payment_intents import PaymentIntent

    body, validate = data.page(1), validator(PaymentIntent, many=True).validate_json
    return {
        "a page: json.loads": best(lambda: json.loads(body)),
        "a page: pydantic-core, a bare model": best(clients.pydantic_parse("")),
        "a page: pydantic-core, PaymentIntent": best(lambda: validate(body)),
        "a page: finsecure in total": best(clients.finsecure_parse("")),
    }


def of_a_webhook() -> dict[str, float]:
    """One of 2 KB."""
    from finsecure.resources._validate import validator
    from finsecure.resources.events import AnyEvent

    body, secret, validate = data.event(), clients.SECRET.encode(), validator(AnyEvent).validate_json
    return {
        "a webhook: HMAC": best(lambda: hmac.digest(secret, body, "sha256")),
        "a webhook: pydantic-core": best(lambda: validate(body)),
        "a webhook: finsecure in total": best(clients.finsecure_webhook("")),
    }


def of_a_cold_start(transport: str) -> dict[str, float]:
    """What importing takes by package, as `-X importtime` has it: a little more than without it."""
    code = COLD.replace("TRANSPORT", repr(transport))
    command = [sys.executable, "-P", "-X", "importtime", "-c", code]
    done = [subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True) for _ in range(4)][-1]  # compiled
    took: defaultdict[str, float] = defaultdict(float)
    for line in done.stderr.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        module = rest.rpartition("|")[2].strip().partition(".")[0]
        if own.strip().isdigit():
            package = next((name for name, modules in PACKAGES.items() if module in modules), "the standard library")
            took[f"cold start, {transport}: importing {package}"] += int(own) / 1e6
    return dict(sorted(took.items(), key=lambda found: -found[1]))


def stages() -> dict[str, float]:
    """Seconds for each stage."""
    return {
        **of_a_call(),
        **of_a_page(),
        **of_a_webhook(),
        **of_a_cold_start("httpx"),
        **of_a_cold_start("pyreqwest"),
    }
