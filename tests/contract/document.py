"""Writes `finsecure/sandbox/openapi.json`: `nox -s openapi`, or run this file.

The parameters are those of the sandbox's own tables, the objects those of the client's models, the words are in
`words`, and the examples are what a sandbox answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import finsecure
from finsecure import webhooks
from finsecure.resources import events
from finsecure.resources._object import STRICT_FIELDS
from finsecure.sandbox import _checks as check
from finsecure.sandbox._operations import customers, payment_methods
from finsecure.sandbox._routes import ROUTES, Route
from finsecure.sandbox._work import API_VERSION as VERSION
from finsecure.sandbox._work import PREFIXES
from tests.contract import words
from tests.contract.examples import Examples

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "finsecure" / "sandbox" / "openapi.json"

Json = dict[str, Any]

MODELS = (
    finsecure.PaymentIntent,
    finsecure.PaymentMethod,
    finsecure.Customer,
    finsecure.Refund,
    finsecure.Charge,
    finsecure.WebhookEndpoint,
    events.Invoice,
    events.Subscription,
)
MODEL_OF = {model.model_fields["object"].default: model for model in MODELS} | {"event": finsecure.Event}
KNOWN_EVENTS = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in (getattr(webhooks, name) for name in webhooks.__all__)
    if isinstance(model, type) and issubclass(model, finsecure.Event) and model is not finsecure.Event
    if get_args(model.model_fields["type"].annotation)
}

NULL = {
    "Address": {"city", "country", "line1", "line2", "postal_code", "state"},
    "BillingDetails": {"email", "name", "phone"},
    "CardChecks": {"address_line1_check", "address_postal_code_check", "cvc_check"},
    "CardNetworks": {"preferred"},
    "Card": {"wallet"},
    "Charge": {"customer", "description", "failure_code", "failure_message", "receipt_email"},
    "Customer": {"default_source", "description", "email", "name", "phone", "shipping"},
    "EventRequest": {"id", "idempotency_key"},
    "InvoiceSettings": {"custom_fields", "default_payment_method", "footer"},
    "Invoice": {"description"},
    "PaymentIntent": {
        "customer",
        "description",
        "last_payment_error",
        "next_action",
        "payment_method",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
    },
    "PaymentMethod": {"customer"},
    "Refund": {"reason"},
    "Subscription": {"canceled_at", "default_payment_method", "description"},
}
"""The members that can be `null`. Models say so of every member, since they accept whatever comes."""

SHARED = {
    "Currency": check.schema_of(check.currency),
    "Metadata": check.schema_of(check.metadata),
    "AddressParams": check.object_of(payment_methods.ADDRESS),
    "BillingDetailsParams": check.object_of(payment_methods.BILLING_DETAILS),
    "CardParams": check.object_of(payment_methods.CARD),
    "BankAccountParams": check.object_of(payment_methods.BANK_ACCOUNT),
    "InvoiceSettingsParams": check.object_of(customers.INVOICE_SETTINGS),
    "PaymentMethodCreateParams": check.object_of(payment_methods.CREATE),
}
"""What several operations take, by the name that it has in the document."""


def record(members: Json, *required: str) -> Json:
    """An object with these members, of which some are always there."""
    return {"type": "object", "properties": members, **({"required": [*required]} if required else {})}


def ref(name: str, section: str = "schemas") -> Json:
    return {"$ref": f"#/components/{section}/{name}"}


# What is sent


def named(schema: Json) -> Json:
    """The same with references to what is shared, at any depth."""
    if "anyOf" in schema:
        return schema | {"anyOf": [named(arm) for arm in schema["anyOf"]]}
    nullable = isinstance(schema.get("type"), list)
    plain = without_null(schema) if nullable else schema
    for name, shared in SHARED.items():
        if plain == shared:
            return {"anyOf": [ref(name), {"type": "null"}]} if nullable else ref(name)
    return schema | _inner(schema)


def _inner(schema: Json) -> Json:
    if "items" in schema:
        return {"items": named(schema["items"])}
    if "properties" in schema:
        return {"properties": {name: named(value) for name, value in schema["properties"].items()}}
    return {}


def without_null(schema: Json) -> Json:
    plain = {**schema, "type": schema["type"][0]}
    return plain | {"enum": [value for value in schema["enum"] if value is not None]} if "enum" in schema else plain


SAID = set[str]()
"""What there are words for, and the document has."""


def about(table: Mapping[str, str], *names: str) -> Json:
    """The words for something: the first of the names that has any."""
    for name in names:
        if name in table:
            SAID.add(name)
            return {"description": table[name]}
    raise KeyError(f"tests/contract/words.py says nothing of {names[0]}")


def params_name(route: Route) -> str:
    """What the body of an operation is called."""
    kind = MODEL_OF[route.kind].__name__
    return f"{kind}{route.verb.title()}Params"


def bodies() -> Json:
    """The bodies of all operations that take one, and what they share."""
    operations = {params_name(route) for route in ROUTES}
    written = {
        name: described(name, schema | _inner(schema)) for name, schema in SHARED.items() if name not in operations
    }
    for route in ROUTES:
        if route.schema and route.method != "GET":
            schema = check.object_of(route.schema, update=route.verb == "update")
            schema |= _inner(schema)
            for name, value in schema["properties"].items():
                value.update(parameter_words(route, name))
            schema["description"] = f"The parameters of {words.OPERATIONS[route.name][0]}."
            written[params_name(route)] = schema
    return written


def parameter_words(route: Route, name: str) -> Json:
    return about(words.PARAMETERS, f"{route.name}.{name}", f"{route.kind}s.{name}", name)


def described(name: str, schema: Json) -> Json:
    """An object with words for itself and each member."""
    for member, value in schema.get("properties", {}).items():
        value.update(about(words.MEMBERS, f"{name}.{member}", member))
    return {**about(words.SCHEMAS, name), **schema}


# What is answered


def objects() -> Json:
    """The objects, from the client's models."""
    written: Json = {}
    for model in (*MODELS, events.EventRequest):
        schema = model.model_json_schema(mode="validation")
        for name, inner in {**schema.pop("$defs", {}), model.__name__: schema}.items():
            if name != "Json":
                written[_plain_name(name)] = _object(_plain_name(name), inner)
    return written


def _plain_name(name: str) -> str:
    return {"ListObject_Charge_": "ChargeList"}.get(name, name)


def _object(name: str, schema: Json) -> Json:
    """One object: the members that its model has, `null` where that can come, required what the client insists on."""
    nullable = NULL.get(name, set())
    members = {
        member: _member(value, nullable=member in nullable)
        for member, value in schema["properties"].items()
        if member != "deleted"
    }
    if "object" in members:
        members["object"] = {"type": "string", "const": "list" if name == "ChargeList" else _kind(schema)}
    certain = CERTAIN.get(name, {"id", "object", *STRICT_FIELDS} if "object" in members else set())
    required = [member for member in members if member in certain]
    return described(name, record(members, *required))


CERTAIN = {"PaymentError": {"type", "message"}, "ChargeList": {"object", "data"}}
"""What is always there, but for the members without which the client takes no answer for the object."""


def _kind(schema: Json) -> str:
    kind: str = schema["properties"]["object"]["const"]
    return kind


def _member(schema: Json, *, nullable: bool) -> Json:
    arms = [arm for arm in schema.get("anyOf", [schema]) if arm.get("type") != "null"]
    value = _arms([_value(arm) for arm in arms])
    if "$ref" in value and nullable:
        return {"anyOf": [value, {"type": "null"}]}
    return check.or_null(value) if nullable else value


def _arms(arms: list[Json]) -> Json:
    if {"type": "number"} in arms:
        return ref("Timestamp")
    return arms[0] if len(arms) == 1 else {"anyOf": arms}


def _value(schema: Json) -> Json:
    """One type of a model, in the words of this document."""
    if "$ref" in schema:
        return ref(_plain_name(schema["$ref"].rpartition("/")[2]))
    if schema.get("type") == "array":
        return {"type": "array", "items": _member(schema["items"], nullable=False)}
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return ref("Metadata") if inner == {"type": "string"} else {"type": "object"}
    return {name: value for name, value in schema.items() if name not in {"title", "default", "description"}}


def event_objects() -> Json:
    """What all events have in common, and each of the known ones."""
    kinds = {"type": "string", "enum": [*KNOWN_EVENTS]}
    written: Json = {
        "EventType": described("EventType", {"anyOf": [kinds, {"type": "string"}]}),
        "EventData": described(
            "EventData",
            {
                "type": "object",
                "properties": {"object": {"type": "object"}, "previous_attributes": {"type": "object"}},
                "required": ["object"],
            },
        ),
        "Event": described(
            "Event",
            {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "object": {"type": "string", "const": "event"},
                    "type": ref("EventType"),
                    "data": ref("EventData"),
                    "api_version": {"type": "string"},
                    "created": ref("Timestamp"),
                    "livemode": {"type": "boolean"},
                    "pending_webhooks": {"type": "integer"},
                    "request": ref("EventRequest"),
                },
                "required": ["id", "object", "type", "data"],
            },
        ),
    }
    for event, model in KNOWN_EVENTS.items():
        data: Any = model.model_fields["data"].annotation
        (about_what,) = data.__pydantic_generic_metadata__["args"]
        changes = {
            "type": {"type": "string", "const": event},
            "data": {"type": "object", "properties": {"object": ref(about_what.__name__)}},
        }
        written[model.__name__] = {
            "description": model.__doc__,
            "allOf": [ref("Event"), {"type": "object", "properties": changes}],
        }
    return written


def errors() -> Json:
    """The shape of all errors. Reference: Error Handling, "Error Response Format"."""
    types = ["api_error", "authentication_error", "card_error", "idempotency_error", "invalid_request_error"]
    texts = {name: {"type": "string"} for name in ("code", "decline_code", "message", "param", "doc_url")}
    kinds = {"type": "string", "enum": [*types, "rate_limit_error"]}
    return {
        "Error": described(
            "Error", {"type": "object", "properties": {"error": ref("ErrorDetails")}, "required": ["error"]}
        ),
        "ErrorDetails": described(
            "ErrorDetails",
            record(
                {
                    "type": {"anyOf": [kinds, {"type": "string"}]},
                    **texts,
                    "payment_intent": ref("ErrorPaymentIntent"),
                },
                *("type", "message"),
            ),
        ),
        "ErrorPaymentIntent": described(
            "ErrorPaymentIntent",
            {
                "type": "object",
                "properties": {"id": {"type": "string"}, "status": {"type": "string"}},
                "required": ["id"],
            },
        ),
    }


def deleted(kind: str) -> tuple[str, Json]:
    name = f"Deleted{MODEL_OF[kind].__name__}"
    members = {
        "id": {"type": "string"},
        "object": {"type": "string", "const": kind},
        "deleted": {"type": "boolean", "const": True},
    }
    return name, described(name, record(members, *members))


def page_of(kind: str) -> tuple[str, Json]:
    name = f"{MODEL_OF[kind].__name__}Page"
    members: dict[str, Json] = {
        "object": {"type": "string", "const": "list"},
        "data": {"type": "array", "items": ref(MODEL_OF[kind].__name__), "maxItems": 100},
        "has_more": {"type": "boolean"},
        "url": {"type": "string"},
    }
    for member, value in members.items():
        value.update(about(words.MEMBERS, member))
    return name, {"description": f"A page of {MODEL_OF[kind].__name__}s.", **record(members, *members)}


# Operations


def answer_of(route: Route) -> tuple[str, Json] | tuple[str, None]:
    """What an operation answers: the name of its schema, and the schema where no model has it."""
    if route.verb == "list":
        return page_of(route.kind)
    if route.verb == "delete":
        return deleted(route.kind)
    return MODEL_OF[route.kind].__name__, None


def operation(route: Route, examples: Examples) -> Json:
    summary, text = words.OPERATIONS[route.name]
    kind = MODEL_OF[route.kind].__name__
    keys = ["secretKey", *(["publishableKey"] if route.publishable else [])]
    written: Json = {
        "operationId": operation_id(route),
        "tags": [f"{kind}s"],
        "summary": summary,
        "description": text,
        "security": [{key: []} for key in keys],
        "parameters": [*parameters(route)],
    }
    body = request_body(route, examples)
    if body is not None:
        written["requestBody"] = body
    written["responses"] = responses(route, examples)
    return written


def parameters(route: Route) -> Iterator[Json]:
    if "{id}" in route.path:
        yield {
            "name": "id",
            "in": "path",
            "required": True,
            "description": f"The id of the {MODEL_OF[route.kind].__name__} (`{PREFIXES[route.kind]}_...`).",
            "schema": {"type": "string", "minLength": 1},
        }
    if route.method == "GET":
        for name, parameter in route.schema.items():
            shared = name in {"limit", "starting_after", "ending_before"} or name.startswith("created")
            yield (
                ref(name.translate(_NO_BRACKETS), "parameters")
                if shared
                else query_parameter(name, check.schema_of(parameter.check), parameter_words(route, name))
            )
    if route.method == "POST":
        yield ref("IdempotencyKey", "parameters")
    yield ref("FinSecureVersion", "parameters")


_NO_BRACKETS = str.maketrans({"[": "_", "]": ""})


def query_parameter(name: str, schema: Json, text: Json) -> Json:
    return {"name": name, "in": "query", **text, "schema": schema}


def shared_parameters() -> Json:
    written = {
        name.translate(_NO_BRACKETS): query_parameter(
            name, check.schema_of(parameter.check), about(words.PARAMETERS, name)
        )
        for name, parameter in check.listing().items()
    }
    written["IdempotencyKey"] = {
        "name": "Idempotency-Key",
        "in": "header",
        **about(words.HEADERS, "Idempotency-Key"),
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"},
    }
    written["FinSecureVersion"] = {
        "name": "FinSecure-Version",
        "in": "header",
        **about(words.HEADERS, "FinSecure-Version"),
        "schema": {"type": "string", "const": VERSION},
    }
    return written


def request_body(route: Route, examples: Examples) -> Json | None:
    if route.method not in {"POST", "PUT"}:
        return None
    schema = ref(params_name(route)) if route.schema else {"type": "object", "additionalProperties": False}
    content: Json = {"schema": schema}
    requests = examples.requests.get(route.name)
    if requests:
        content["examples"] = {name: {"value": value} for name, value in requests.items()}
    required = any(parameter.required for parameter in route.schema.values()) and route.verb != "update"
    return {"required": required, "content": {"application/json": content}}


def responses(route: Route, examples: Examples) -> Json:
    name, _ = answer_of(route)
    content: Json = {"schema": ref(name)}
    if route.name in examples.answers:
        content["example"] = examples.answers[route.name]
    headers = {"Request-Id": ref("RequestId", "headers")}
    if route.method == "POST":
        headers["Idempotent-Replayed"] = ref("IdempotentReplayed", "headers")
    success: Json = {"description": f"The {name}.", "headers": headers, "content": {"application/json": content}}
    if route.verb in {"create", "list"}:
        success["links"] = links(route)
    statuses = ["400", "401", "403", "404", "429", "5XX"]
    statuses += ["402"] if route.verb == "confirm" else []
    statuses += ["409"] if route.method == "POST" else []
    statuses += ["415"] if route.method != "GET" else []
    return {"200": success, **{status: ref(REFUSALS[status], "responses") for status in sorted(statuses)}}


def links(route: Route) -> Json:
    """What can be done next with the object that was created, or with the first one of a page."""
    ident = "$response.body#/id" if route.verb == "create" else "$response.body#/data/0/id"
    return {
        each.verb: {"operationId": operation_id(each), "parameters": {"id": ident}}
        for each in ROUTES
        if each.kind == route.kind and "{id}" in each.path
    }


def operation_id(route: Route) -> str:
    return route.name.replace(".", "_")


REFUSALS = {
    "400": "InvalidRequest",
    "401": "NotAuthenticated",
    "402": "Declined",
    "403": "NotAllowed",
    "404": "NotFound",
    "409": "KeyInUse",
    "415": "UnsupportedMediaType",
    "429": "TooManyRequests",
    "5XX": "ServerError",
}


def refusals(examples: Examples) -> Json:
    written: Json = {}
    for status, name in REFUSALS.items():
        headers = {"Request-Id": ref("RequestId", "headers")}
        if status in {"400", "402", "404", "415"}:
            headers["Idempotent-Replayed"] = ref("IdempotentReplayed", "headers")
        if status in {"429", "5XX"}:
            headers["Retry-After"] = ref("RetryAfter", "headers")
        content: Json = {"schema": ref("Error")}
        if status in examples.refusals:
            content["example"] = examples.refusals[status]
        written[name] = {
            "description": words.REFUSALS[status],
            "headers": headers,
            "content": {"application/json": content},
        }
    return written


def headers() -> Json:
    schemas: Json = {
        "Request-Id": {"type": "string", "pattern": "^req_"},
        "Idempotent-Replayed": {"type": "string", "const": "true"},
        "Retry-After": {"type": "string"},
    }
    return {name.replace("-", ""): {**about(words.HEADERS, name), "schema": schema} for name, schema in schemas.items()}


def incoming(examples: Examples) -> Json:
    """The webhooks. Reference: Webhooks, "Event Types"."""
    signature = {
        "name": "FinSecure-Signature",
        "in": "header",
        "required": True,
        **about(words.HEADERS, "FinSecure-Signature"),
        "schema": {"type": "string", "pattern": "^sha256=[0-9a-f]{64}(, ?sha256=[0-9a-f]{64})*$"},
    }
    return {
        event: {
            "post": {
                "operationId": "on_" + event.replace(".", "_"),
                "tags": ["Events"],
                "summary": model.__doc__,
                "description": "Sent to the webhook endpoints that want it, at least once and in any order. Verify the "
                "signature over the raw body before anything else.",
                "security": [],
                "parameters": [signature],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref(model.__name__), "example": examples.events[event]}},
                },
                "responses": {
                    "2XX": {"description": "Taken. Any other answer, or none within 10 seconds, is tried again."}
                },
            }
        }
        for event, model in KNOWN_EVENTS.items()
    }


def document() -> Json:
    """The whole document."""
    examples = Examples.read()
    paths: Json = {}
    made: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, examples)
        name, schema = answer_of(route)
        made |= {name: schema} if schema is not None else {}
    timestamp = {"anyOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}]}
    schemas = {
        "Timestamp": described("Timestamp", timestamp),
        **objects(),
        **event_objects(),
        **errors(),
        **made,
        **bodies(),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "FinSecure API",
            "version": VERSION,
            "summary": "Take payments, keep payment methods, give money back.",
            "description": words.ABOUT,
            "contact": {"name": "FinSecure", "url": "https://developers.finsecure.com"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {"url": "https://api-sandbox.finsecure.com", "description": "Test mode. No real money moves."},
            {"url": "https://api.finsecure.com", "description": "Live mode."},
        ],
        "tags": [{"name": f"{MODEL_OF[kind].__name__}s", "description": text} for kind, text in words.TAGS.items()],
        "security": [{"secretKey": []}],
        "paths": paths,
        "webhooks": incoming(examples),
        "components": {
            "schemas": schemas,
            "parameters": shared_parameters(),
            "headers": headers(),
            "responses": refusals(examples),
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": text} for name, text in words.SECURITY.items()
            },
        },
    }


def written() -> str:
    """The document as the file holds it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
