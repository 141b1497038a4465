"""Gets a URL with requests and its instrumentation, with baggage, and says which trace it belongs to.

http_client.py URL
"""

import json
import sys

import requests
from opentelemetry import baggage, context
from opentelemetry.instrumentation.requests import RequestsInstrumentor

import telemetry


def main(url):
    tracer = telemetry.start("python_client")
    RequestsInstrumentor().instrument()
    context.attach(baggage.set_baggage("tenant", "a b"))
    with tracer.start_as_current_span("ask_from_python") as span:
        response = requests.get(url, timeout=30)
        response.raise_for_status()
    print(json.dumps({**telemetry.ids(span), "answer": response.json()}))


main(*sys.argv[1:])
