"""Publishes one event with FastStream and its own OpenTelemetry middleware, and says which trace it belongs to.

publish_faststream.py URL ROUTING_KEY
"""

import asyncio
import json
import sys

from faststream.rabbit import RabbitBroker, RabbitExchange
from faststream.rabbit.opentelemetry import RabbitTelemetryMiddleware

import telemetry


async def main(url, routing_key):
    tracer = telemetry.start("faststream_producer")
    events = RabbitExchange("chimera.events", declare=False)
    async with RabbitBroker(url, middlewares=[RabbitTelemetryMiddleware()]) as broker:
        with tracer.start_as_current_span("ask_from_python") as span:
            await broker.publish({"from": "python"}, routing_key=routing_key, exchange=events)
    print(json.dumps(telemetry.ids(span)))


asyncio.run(main(*sys.argv[1:]))
