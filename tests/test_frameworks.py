"""Objects and pages as FastAPI answers: the answer, and the application's own schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from pydantic import BaseModel, TypeAdapter

import finsecure
from finsecure.sandbox import Sandbox

fastapi: Any = pytest.importorskip("fastapi")
testclient: Any = pytest.importorskip("fastapi.testclient")
validator: Any = pytest.importorskip("openapi_spec_validator")

NAMES = [*finsecure.__all__, *(f"webhooks.{name}" for name in finsecure.webhooks.__all__)]


def public(name: str) -> Any:
    return getattr(finsecure.webhooks, name.partition(".")[2]) if "." in name else getattr(finsecure, name)


MODELS = [name for name in NAMES if isinstance(public(name), type) and issubclass(public(name), BaseModel)]
ANSWERS: dict[str, Any] = {
    **{name: public(name) for name in MODELS},
    "AnyEvent": finsecure.AnyEvent,
    "Page": finsecure.Page,
    "Page[Refund]": finsecure.Page[finsecure.Refund],
    "Page[AnyEvent]": finsecure.Page[finsecure.AnyEvent],
    "AsyncPage[Customer]": finsecure.AsyncPage[finsecure.Customer],
    "list[Charge]": list[finsecure.Charge],
}


@pytest.fixture
def client() -> Iterator[finsecure.Client]:
    with Sandbox() as sandbox:
        yield sandbox.client()


def serve(answer: Any, kind: Any) -> Any:
    """An application whose one route is annotated with a kind of answer."""

    def route() -> Any:
        return answer

    app = fastapi.FastAPI()
    app.get("/", response_model=kind)(route)
    return testclient.TestClient(app)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_route_that_answers_with_it_has_a_valid_schema(name: str) -> None:
    """`/openapi.json` of a route `-> finsecure.Refund`, and of every other object, part, event and page."""
    answered = serve(None, ANSWERS[name]).get("/openapi.json")
    assert answered.status_code == 200
    validator.validate(answered.json())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_a_model_has_a_schema_in_both_modes(name: str, mode: Any) -> None:
    """`model_json_schema` is JSON, and of an object."""
    schema = public(name).model_json_schema(mode=mode)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["type"] == "object"


def test_a_route_answers_with_a_page(client: finsecure.Client) -> None:
    """As the API wrote it, without `client_secret`, and as its schema says."""
    intents = [client.payment_intents.create(amount=amount, currency="usd") for amount in (1, 2, 3)]
    page = client.payment_intents.list(limit=2)
    http = serve(page, finsecure.Page[finsecure.PaymentIntent])
    answered = http.get("/").json()
    assert [each["id"] for each in answered["data"]] == [intents[2].id, intents[1].id]
    assert (answered["object"], answered["has_more"], answered["url"]) == ("list", True, "/v1/payment_intents")
    assert "client_secret" not in answered["data"][0]
    schema = http.get("/openapi.json").json()["paths"]["/"]["get"]["responses"]["200"]["content"]["application/json"]
    assert schema["schema"]["properties"]["data"]["items"] == {"$ref": "#/components/schemas/PaymentIntent"}


def test_a_model_of_ones_own_holds_a_page(client: finsecure.Client) -> None:
    """Validated as the page that it is."""

    class Answer(BaseModel):
        page: finsecure.Page[finsecure.Customer]

    client.customers.create(email="a@example.com")
    answer = Answer(page=client.customers.list())
    assert json.loads(answer.model_dump_json())["page"]["data"][0]["email"] == "a@example.com"
    adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", finsecure.Page))
    with pytest.raises(ValueError, match="instance of Page"):
        adapter.validate_python({})
