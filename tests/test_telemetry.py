"""OpenTelemetry: what a call leaves in a trace, and what it does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import finsecure
from finsecure.sandbox import Clock, Sandbox

CARD = "4000000000009995"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def test_a_call_is_one_client_span_by_the_http_conventions(spans: InMemorySpanExporter) -> None:
    with Sandbox(clock=Clock(1e9)) as sandbox:
        intent = sandbox.client().payment_intents.create(amount=2000, currency="usd")
    span = only(spans)
    assert span.name == "POST /v1/payment_intents"
    assert span.kind is trace.SpanKind.CLIENT
    assert intent.last_response is not None
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "url.template": "/v1/payment_intents",
        "url.scheme": "https",
        "server.address": "sandbox.invalid",
        "server.port": 443,
        "http.response.status_code": 200,
        "http.response.header.request-id": (intent.last_response.request_id,),
    }


def test_a_retried_call_says_how_often_and_how_long(spans: InMemorySpanExporter) -> None:
    with Sandbox(clock=Clock(1e9), rate_limit=1) as sandbox:
        client = sandbox.client()
        client.payment_intents.create(amount=2000, currency="usd")
        spans.clear()
        client.payment_intents.create(amount=2000, currency="usd")
        waited = sum(sandbox.clock.sleeps)
    span = only(spans)
    assert (span.attributes or {})["http.request.resend_count"] == 1
    assert span.end_time is not None
    assert span.start_time is not None
    assert (span.end_time - span.start_time) / 1e9 == pytest.approx(waited, abs=1e-3)


def test_a_decline_is_an_error_without_card_key_or_secret(spans: InMemorySpanExporter) -> None:
    with Sandbox(clock=Clock(1e9)) as sandbox:
        client = sandbox.client()
        intent = client.payment_intents.create(amount=2000, currency="usd")
        spans.clear()
        with pytest.raises(finsecure.CardError):
            client.payment_intents.confirm(
                intent.id,
                payment_method={
                    "type": "card",
                    "card": {"number": CARD, "exp_month": 1, "exp_year": 2030, "cvc": "123"},
                },
            )
        span = only(spans)
        assert (span.attributes or {})["error.type"] == "402"
        assert span.status.status_code is trace.StatusCode.ERROR
        written = span.to_json()
        for secret in (CARD, sandbox.secret_key, intent.client_secret, intent.id):
            assert secret is not None
            assert secret not in written


def test_a_call_without_an_answer_is_an_error_by_its_class(spans: InMemorySpanExporter) -> None:
    client = finsecure.Client("sk_test_1", base_url="http://127.0.0.1:1", max_retries=0)
    with client, pytest.raises(finsecure.APIConnectionError):
        client.payment_intents.retrieve("pi_1")
    span = only(spans)
    assert span.name == "GET /v1/payment_intents/{id}"
    assert (span.attributes or {})["error.type"] == "APIConnectionError"
    assert "http.response.status_code" not in (span.attributes or {})


def test_opentelemetry_is_not_imported_for_an_application_that_does_not_use_it() -> None:
    script = (
        "import sys\n"
        "from finsecure.sandbox import Sandbox, Clock\n"
        "with Sandbox(clock=Clock(1e9)) as sandbox:\n"
        "    sandbox.client().payment_intents.create(amount=1, currency='usd')\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_an_exporter_that_fails_costs_no_payment(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("exporter")

    monkeypatch.setattr(trace, "get_tracer", broken)
    with Sandbox(clock=Clock(1e9)) as sandbox:
        assert sandbox.client().payment_intents.create(amount=2000, currency="usd").amount == 2000
    assert "span of a call could not be recorded" in caplog.text
