"""`openapi.json` says what the sandbox does and what the client sends and reads, member by member."""

from __future__ import annotations

import copy
import inspect
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from typing_extensions import NotRequired, Required, is_typeddict

import finsecure
from finsecure._params import NotGiven
from finsecure.resources import payment_methods
from finsecure.resources._object import Part
from finsecure.sandbox import Clock, Sandbox
from finsecure.sandbox._operations.events import TYPES
from finsecure.sandbox._routes import ROUTES, Route
from finsecure.sandbox._work import API_VERSION
from tests.contract import document, examples, words
from tests.contract.rules import is_ruled

Json = dict[str, Any]
Door = Callable[[Sandbox], httpx.Client]


@cache
def contract() -> Json:
    found: Json = json.loads(document.FILE.read_text(encoding="utf-8"))
    return found


def operation_of(route: Route) -> Json:
    found: Json = contract()["paths"][route.path][route.method.lower()]
    return found


def body_of(route: Route) -> Json:
    """What an operation takes in its body, with references followed."""
    schema = operation_of(route)["requestBody"]["content"]["application/json"]["schema"]
    return cast("Json", followed(schema))


def followed(schema: Any) -> Any:
    if isinstance(schema, dict):
        members = cast("Json", schema)
        if "$ref" not in members:
            return {name: followed(value) for name, value in members.items()}
        return {**followed(target(members["$ref"])), **{name: members[name] for name in members if name != "$ref"}}
    return [followed(inner) for inner in cast("list[object]", schema)] if isinstance(schema, list) else schema


def target(reference: str) -> Any:
    found: Any = contract()
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


BODIES = [route for route in ROUTES if route.method in {"POST", "PUT"}]


class TestDocument:
    def test_the_file_is_what_the_tables_and_models_say(self) -> None:
        """Whoever changes a parameter of the sandbox or a model of the client writes the document anew."""
        assert document.FILE.read_text(encoding="utf-8") == document.written(), "run `nox -s openapi`"

    def test_it_is_valid_openapi_3_1(self) -> None:
        assert not [error.message for error in OpenAPIV31SpecValidator(cast("Any", contract())).iter_errors()]

    def test_every_word_is_about_something(self) -> None:
        """No sentence outlives the parameter or member that it was written for."""
        document.document()
        tables = [words.PARAMETERS, words.HEADERS, words.SCHEMAS, words.MEMBERS]
        assert not {name for table in tables for name in table} - document.SAID
        assert words.OPERATIONS.keys() == {route.name for route in ROUTES}
        assert words.REFUSALS.keys() == document.REFUSALS.keys()

    def test_examples_are_valid(self) -> None:
        """Every example is of the shape that it is an example of."""
        count = 0
        for content in contents(contract()):
            values = [content["example"]] if "example" in content else []
            values += [each["value"] for each in content.get("examples", {}).values()]
            for value in values:
                assert not faults(value, content["schema"])
                count += 1
        assert count > 50

    def test_it_is_served_without_a_key(self, sandbox: Sandbox) -> None:
        with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url) as anybody:
            answer = anybody.get("/openapi.json")
            refused = anybody.post("/openapi.json")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json() == contract()
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
        assert refused.json()["error"]["type"] == "invalid_request_error"


def contents(value: Any) -> Iterator[Json]:
    """Every body in the document, with its schema and examples."""
    if isinstance(value, dict):
        members = cast("Json", value)
        if "application/json" in members:
            yield members["application/json"]
        for inner in members.values():
            yield from contents(inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from contents(inner)


def faults(value: Any, schema: Json, components: Json | None = None) -> list[str]:
    """Where a value is not of the shape of a schema."""
    whole = {**schema, "components": components or contract()["components"]}
    validator: Any = OAS31Validator(cast("Any", whole), format_checker=OAS31Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


class TestClient:
    """The client's operations take what the document says."""

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
    def test_parameters(self, route: Route) -> None:
        """The same names, the same ones required, the same types and known values."""
        sent = parameters_of(route)
        if route.method == "GET":
            parameters = [followed(each) for each in operation_of(route)["parameters"]]
            described = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
            bounds = {name for name in described if name.startswith("created[")}
            assert bounds == (
                {f"created[{each}]" for each in ("gt", "gte", "lt", "lte")} if route.verb == "list" else set()
            )
            assert {*described} - bounds == {*sent} - {"created"}
            for name in described.keys() - bounds:
                check_type(sent[name].annotation, described[name], name)
            return
        if route.method == "DELETE":
            assert not sent
            return
        body = body_of(route)
        assert body.get("properties", {}).keys() == sent.keys()
        required = {name for name, each in sent.items() if each.default is inspect.Parameter.empty}
        assert {*body.get("required", [])} == required
        for name, described in body.get("properties", {}).items():
            check_type(sent[name].annotation, described, name)
            if route.verb == "update":
                assert (type(None) in arms(sent[name].annotation)) == allows(described, None), name


def parameters_of(route: Route) -> dict[str, inspect.Parameter]:
    """What the client's operation takes, with annotations that are read."""
    group = getattr(finsecure, f"{document.MODEL_OF[route.kind].__name__}s")
    function = inspect.getattr_static(group, route.verb).__wrapped__
    hints = get_type_hints(
        function, {**vars(finsecure), **vars(payment_methods), **function.__globals__}, include_extras=True
    )
    return {
        name: each.replace(annotation=hints[name])
        for name, each in inspect.signature(function).parameters.items()
        if name not in {"self", "id", "idempotency_key"}
    }


def arms(hint: Any) -> list[Any]:
    """The alternatives of an annotation."""
    origin = get_origin(hint)
    if origin is Literal:
        return [hint]
    if origin in {Required, NotRequired}:
        return arms(get_args(hint)[0])
    if origin is Union or type(hint).__name__ == "UnionType":
        return [arm for each in get_args(hint) for arm in arms(each)]
    return [hint]


def alternatives(schema: Json) -> list[Json]:
    return [each for each in cast("list[Json]", schema.get("anyOf", [schema])) if each != {"type": "null"}]


def check_type(hint: Any, schema: Json, place: str) -> None:
    """An annotation of the client and a schema of the document allow the same."""
    hints = [each for each in arms(hint) if each not in {type(None), NotGiven} and not is_answer(each)]
    known = {value for each in hints if get_origin(each) is Literal for value in get_args(each)}
    if known:
        (string,) = alternatives(schema)
        if str not in hints or "enum" in string:  # any other text may be allowed, too
            assert {value for value in string["enum"] if value is not None} == known, place
        hints = [str]
    described = alternatives(schema)
    assert {kind_of(each) for each in hints} == {one_type(each) for each in described}, place
    for each in hints:
        if get_origin(each) in {Sequence, list}:
            check_items(get_args(each)[0], described[0]["items"], place)
        if is_typeddict(each):
            check_members(each, next(one for one in described if one_type(one) == "object"), place)


def is_answer(hint: Any) -> bool:
    """Whether it is an object of an answer, which the client takes as it came."""
    return isinstance(hint, type) and issubclass(hint, Part)


def check_items(hint: Any, schema: Json, place: str) -> None:
    known = {value for each in arms(hint) if get_origin(each) is Literal for value in get_args(each)}
    if known:
        assert set(schema["enum"]) == known, place


def check_members(kind: Any, schema: Json, place: str) -> None:
    hints = get_type_hints(kind, include_extras=True)
    assert hints.keys() == schema["properties"].keys(), place
    always = {name for name, hint in hints.items() if get_origin(hint) is (None if kind.__total__ else Required)}
    assert always == {*schema.get("required", [])}, place
    for name, hint in hints.items():
        check_type(hint, schema["properties"][name], f"{place}.{name}")


def kind_of(hint: Any) -> str:
    """The JSON type of an annotation."""
    if is_typeddict(hint):
        return "object"
    origin = get_origin(hint) or hint
    return {str: "string", int: "integer", Mapping: "object", dict: "object", Sequence: "array", list: "array"}[origin]


def one_type(schema: Json) -> str:
    kind: str | list[str] = schema["type"]
    return kind if isinstance(kind, str) else kind[0]


def allows(schema: Json, value: Any) -> bool:
    return not faults(value, schema)


class TestParameters:
    """The sandbox takes what the document says and refuses the rest, by the name of the parameter."""

    @pytest.mark.parametrize("route", BODIES, ids=lambda route: route.name)
    def test_bodies(self, sandbox: Sandbox, api: httpx.Client, route: Route) -> None:
        world = World(api)
        schema, count = body_of(route), 0
        for body in world.valid(route):
            for place, changed, right in variants(schema, body):
                if place == "" and right:
                    continue
                answer = world.ask(route, changed)
                param: str = answer.json().get("error", {}).get("param", "") if answer.status_code == 400 else ""
                blamed = f"{param}.".startswith(f"{place}.")  # or a member of it
                expected = not right or (blamed and is_ruled(route.name, place))
                assert blamed == expected, f"{place}: {json.dumps(changed)[:300]} -> {answer.text[:300]}"
                count += 1
        assert count

    @pytest.mark.parametrize("route", [each for each in ROUTES if each.verb == "list"], ids=lambda each: each.name)
    def test_queries(self, api: httpx.Client, route: Route) -> None:
        refused = 0
        for parameter in map(followed, operation_of(route)["parameters"]):
            if parameter["in"] != "query":
                continue
            for value in queries(parameter["schema"]):
                answer = api.get(route.path, params={parameter["name"]: value})
                right = any(allows(parameter["schema"], reading) for reading in readings(value))
                error = answer.json().get("error", {})  # an id that is well-formed may still be nobody's
                blamed = error.get("param") if error.get("code") != "resource_missing" else None
                assert blamed == (None if right else parameter["name"]), (parameter["name"], value, answer.text)
                refused += not right
        assert refused > 5
        assert api.get(route.path, params={"planet": "Mars"}).json()["error"]["param"] == "planet"

    def test_headers(self, api: httpx.Client) -> None:
        """The version and the idempotency key are what the document says."""
        for name, value, status in [
            ("FinSecure-Version", API_VERSION, 200),
            ("FinSecure-Version", "2020-01-01", 400),
            ("Idempotency-Key", "k" * 255, 200),
            ("Idempotency-Key", "k" * 256, 400),
            ("Idempotency-Key", " ", 400),
        ]:
            parameter = next(each for each in contract()["components"]["parameters"].values() if each["name"] == name)
            assert bool(faults(value, parameter["schema"])) == (status == 400)
            answer = api.post("/v1/customers", json={}, headers={name: value})
            assert answer.status_code == status
            assert status == 200 or answer.json()["error"]["param"] == name

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
    def test_keys(self, sandbox: Sandbox, route: Route) -> None:
        """A publishable key may do what the document says it may."""
        keys = {name for each in operation_of(route)["security"] for name in each}
        headers = {"Authorization": f"Bearer {sandbox.publishable_key}"}
        with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers) as page:
            answer = page.request(route.method, route.path.replace("{id}", "1"))
        assert (answer.status_code == 403) == ("publishableKey" not in keys)
        assert not faults(answer.json(), document.ref("Error"))


class World:
    """Objects to send requests about, new ones for each."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api

    def new(self, path: str, body: Json) -> str:
        answer = self.api.post(f"/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        ident: str = answer.json()["id"]
        return ident

    def valid(self, route: Route) -> list[Json]:
        """Bodies that an operation takes, with every parameter in one of them."""
        card = self.new("payment_methods", examples.CARD)
        settings = {
            "custom_fields": [{"name": "VAT", "value": "1"}],
            "default_payment_method": card,
            "footer": "Thanks",
        }
        customer = {**examples.CUSTOMER, "invoice_settings": settings, "payment_method": card}
        owner = {"billing_details": {**examples.OWNER, "phone": "1"}, "metadata": {"a": "b"}}
        card_and_owner = {**examples.CARD, **owner}
        bodies: dict[str, list[Json]] = {
            "payment_intents.create": [{**examples.PAYMENT, "customer": self.new("customers", {})}],
            "payment_intents.confirm": [
                {"payment_method": card, "return_url": "https://example.com", "receipt_email": "a@example.com"},
                {"payment_method": card_and_owner},
            ],
            "payment_methods.create": [card_and_owner, {**examples.BANK_ACCOUNT, **owner}],
            "payment_methods.update": [owner],
            "payment_methods.attach": [{"customer": self.new("customers", {})}],
            "customers.create": [customer],
            "refunds.create": [{"payment_intent": self.paid(), "amount": 1, "reason": "x", "metadata": {"a": "b"}}],
            "refunds.update": [{"metadata": {"a": "b"}}],
            "webhook_endpoints.create": [{"url": "https://example.com/", "enabled_events": ["customer.created"]}],
        }
        return bodies.get(route.name) or bodies.get(route.name.replace("update", "create"), [{}])

    def paid(self) -> str:
        intent = self.new("payment_intents", examples.PAYMENT)
        method = self.new("payment_methods", examples.CARD)
        return self.new(f"payment_intents/{intent}/confirm", {"payment_method": method})

    def ask(self, route: Route, body: Json) -> httpx.Response:
        return self.api.request(route.method, route.path.replace("{id}", self.subject(route)), json=body)

    def subject(self, route: Route) -> str:
        """The object that a request is about."""
        if "{id}" not in route.path:
            return ""
        if route.kind == "refund":
            return self.new("refunds", {"payment_intent": self.paid(), "amount": 1})
        created: dict[str, Json] = {
            "payment_intent": examples.PAYMENT,
            "payment_method": examples.CARD,
            "customer": {},
            "webhook_endpoint": {"url": "https://example.com/", "enabled_events": ["*"]},
        }
        return self.new(f"{route.kind}s", created[route.kind])


def variants(schema: Json, value: Json, place: str = "") -> Iterator[tuple[str, Json, bool]]:
    """Bodies with one thing changed: where, the body, and whether the document allows it."""
    for name, described in schema.get("properties", {}).items():
        inner = f"{place}.{name}" if place else name
        for other in values(described):
            if name in value or other is None:
                yield inner, {**value, name: other}, allows(described, other)
        if isinstance(value.get(name), dict):
            for arm in alternatives(described):
                if "properties" in arm:
                    for deeper, changed, right in variants(arm, value[name], inner):
                        yield deeper, {**value, name: changed}, right
        if name in schema.get("required", []):
            yield inner, {each: value[each] for each in value if each != name}, False
    if schema.get("additionalProperties") is False:
        yield f"{place}.planet" if place else "planet", {**value, "planet": "Mars"}, False


EVERY_KIND: list[Any] = [None, True, 0, -1, 1, 1.5, "", " ", "x", [], ["x"], {}, {"x": 1}, {"x": "y"}]


def values(schema: Json) -> Iterator[Any]:
    """Values on both sides of every limit that a schema sets, and of every JSON type."""
    yield from EVERY_KIND
    for arm in alternatives(schema):
        if "minimum" in arm:
            yield from (arm["minimum"] - 1, arm["minimum"], arm["maximum"], arm["maximum"] + 1)
        if "maxLength" in arm and "pattern" not in arm:
            yield from ("x" * arm["maxLength"], "x" * (arm["maxLength"] + 1))
        if "maxLength" in arm and "@" in arm.get("pattern", ""):
            yield from ("x" * (arm["maxLength"] - 12) + "@example.com", "x" * (arm["maxLength"] - 11) + "@example.com")
        yield from arm.get("enum", [])
        if "items" in arm:
            words_of = arm["items"].get("enum", ["x"])
            yield from ([words_of[0]], [words_of[0], words_of[0]], words_of, [None])
        if "maxProperties" in arm:
            names, longest = arm["propertyNames"]["maxLength"], arm["additionalProperties"]["maxLength"]
            yield from ({str(each): "" for each in range(arm["maxProperties"] + more)} for more in (0, 1))
            yield from ({"n" * names: "v" * longest}, {"n" * (names + 1): "v"}, {"": "v"})


def queries(schema: Json) -> list[str]:
    limits = [str(schema[bound] + step) for bound in ("minimum", "maximum") for step in (-1, 0, 1) if bound in schema]
    moments = ["2022-01-01T00:00:00Z", "1640995200", "1640995200.5", "yesterday"]
    return ["", " ", "x", "true", "1.5", *limits, *moments]


def readings(text: str) -> Iterator[Any]:
    """A text of a query as the types that it may stand for."""
    yield text
    try:
        number = float(text)
    except ValueError:
        return
    yield int(number) if number.is_integer() else number


class TestAnswers:
    """What the sandbox answers is of the shape that the document says."""

    def test_answers_hold_what_is_described_and_nothing_else(self) -> None:
        seen = Seen()
        with Sandbox(clock=Clock(1640995200)) as sandbox, as_merchant(sandbox) as api:
            for schema, value in scenario(sandbox, api):
                assert not faults(value, document.ref(schema)), (schema, value)
                assert not faults(value, document.ref(schema), closed()), (schema, value)
                seen.add(schema, value)
        seen.compare()


def as_merchant(sandbox: Sandbox) -> httpx.Client:
    headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
    return httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers)


@cache
def closed() -> Json:
    """The components, where nothing but what is described may stand: no further members and no further values."""
    components: Json = copy.deepcopy(contract()["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
        for holder in [schema, *schema.get("properties", {}).values()]:
            each: Json = holder.get("items", holder)
            if each.get("anyOf", [])[1:] == [{"type": "string"}]:
                del each["anyOf"][1]
    return components


def scenario(sandbox: Sandbox, api: httpx.Client) -> Iterator[tuple[str, Json]]:
    """Answers of every kind, with each member set and not set, and the name of the schema of each."""

    def ask(name: str, ident: str = "", /, **body: Any) -> tuple[str, Json]:
        route = next(route for route in ROUTES if route.name == name)
        content = body if route.method in {"POST", "PUT"} else None
        response = api.request(route.method, route.path.replace("{id}", ident), json=content)
        schema = document.answer_of(route)[0] if response.status_code == 200 else "Error"
        assert str(response.status_code) in operation_of(route)["responses"]
        answers.append((schema, response.json()))
        return answers[-1]

    answers: list[tuple[str, Json]] = []
    for url in ("https://example.com/a", "https://example.com/b"):
        ask("webhook_endpoints.create", url=url, enabled_events=["*"])
    endpoint = answers[-1][1]["id"]
    bare = ask("customers.create")[1]["id"]
    card = ask("payment_methods.create", **examples.CARD)[1]["id"]
    custom = {"custom_fields": [{"name": "VAT", "value": "1"}], "default_payment_method": card, "footer": "Thanks"}
    customer = ask("customers.create", **examples.CUSTOMER, invoice_settings=custom)[1]["id"]
    bank = ask("payment_methods.create", **examples.BANK_ACCOUNT)[1]["id"]
    plain = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}
    ask("payment_methods.create", type="card", card=plain)
    ask("payment_methods.retrieve", card)
    paid = ask("payment_intents.create", **examples.PAYMENT, customer=customer)[1]["id"]
    ask("payment_intents.confirm", paid, payment_method=card)
    for number in ("4000002760003184", "4000000000000002", "4000000000000127"):
        intent = ask("payment_intents.create", amount=2000, currency="usd")[1]["id"]
        method = {"type": "card", "card": {**plain, "number": number}}
        ask("payment_intents.confirm", intent, payment_method=method, return_url="https://example.com/back")
        ask("payment_intents.retrieve", intent)
    slow = ask("payment_intents.create", amount=2000, currency="usd", payment_method_types=["ach"])[1]["id"]
    ask("payment_intents.confirm", slow, payment_method=bank)
    sandbox.clock.advance(10)
    sandbox.deliver(to=lambda body, headers: 200)
    ask("payment_intents.retrieve", slow)
    ask("payment_intents.cancel", intent)
    ask("payment_intents.cancel", intent)  # canceled before
    ask("refunds.create", payment_intent=paid, amount=500, reason="requested_by_customer")
    ask("refunds.create", payment_intent=paid)
    ask("payment_methods.attach", bank, customer=bare)
    ask("payment_methods.detach", bank)
    for route in ROUTES:
        if route.verb == "list":
            ask(route.name)
    ask("customers.delete", bare)
    ask("customers.retrieve", bare)
    ask("webhook_endpoints.delete", endpoint)
    events = [sandbox.emit(each) for each in TYPES]
    events += [event for _, answer in answers for event in answer.get("data", []) if event["object"] == "event"]
    for event in events:
        assert not faults(event, document.ref(document.KNOWN_EVENTS[event["type"]].__name__))
        kind = document.MODEL_OF[event["data"]["object"]["object"]].__name__
        answers += [("Event", event), (kind, event["data"]["object"])]
    yield from answers


class Seen:
    """Which members of each schema came, and which of them came as `null`."""

    def __init__(self) -> None:
        self.members: defaultdict[str, set[str]] = defaultdict(set)
        self.nulls: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, name: str, value: Json) -> None:
        schema = target(f"#/components/schemas/{name}")
        self.members[name] |= value.keys()
        self.nulls[name] |= {member for member, inner in value.items() if inner is None}
        for member, inner in value.items():
            described = schema.get("properties", {}).get(member, {})
            for arm in alternatives(described):
                self._add_parts(arm, inner)

    def _add_parts(self, schema: Json, value: Any) -> None:
        if "$ref" in schema and isinstance(value, dict):
            self.add(schema["$ref"].rpartition("/")[2], cast("Json", value))
        for inner in cast("list[object]", value) if isinstance(value, list) else []:
            self._add_parts(schema.get("items", {}), inner)

    def compare(self) -> None:
        """Every member that is described came, and those came as `null` that can."""
        for name, members in self.members.items():
            properties = target(f"#/components/schemas/{name}").get("properties")
            if properties is None:
                continue
            never = NEVER.get(name, set())
            assert members == properties.keys() - never, name
            nullable = {member for member, schema in properties.items() if allows(schema, None)}
            assert self.nulls[name] == nullable - never - {"data", "object"} & nullable, name
        assert self.members.keys() >= {model.__name__ for model in document.MODELS}


NEVER = {
    "EventData": {"previous_attributes"},
    "ChargeList": {"has_more", "url"},
}
"""Members of the real API that a sandbox does not send."""
