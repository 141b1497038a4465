"""Publishes one event with pika, and says on standard output which trace it belongs to.

publish.py URL ROUTING_KEY (plain | traced | HEADERS)

plain: as pika's tutorial does it, without any property. traced: in a span, with pika's instrumentation. Anything else
is a JSON object of headers; their values are sent as bytes, as some Python programs do.
"""

import contextlib
import json
import sys

import pika


def properties(kind):
    if kind in ("plain", "traced"):
        return None
    headers = {name: value.encode() for name, value in json.loads(kind).items()}
    return pika.BasicProperties(headers=headers)


def main(url, routing_key, kind):
    span, context = {}, contextlib.nullcontext()
    if kind == "traced":
        import telemetry
        from opentelemetry.instrumentation.pika import PikaInstrumentor

        tracer = telemetry.start("python_producer")
        PikaInstrumentor().instrument()
        context = tracer.start_as_current_span("ask_from_python")
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    with context as current:
        if kind == "traced":
            span = telemetry.ids(current)
        body = json.dumps({"from": "python"}).encode()
        channel.basic_publish("chimera.events", routing_key, body, properties(kind), mandatory=True)
    connection.close()
    print(json.dumps(span))


main(*sys.argv[1:])
