"""Publishes one event with aio-pika, and says on standard output which trace it belongs to.

publish_aio.py URL ROUTING_KEY (plain | traced)
"""

import asyncio
import contextlib
import json
import sys

import aio_pika


async def main(url, routing_key, kind):
    span, context = {}, contextlib.nullcontext()
    if kind == "traced":
        import telemetry
        from opentelemetry.instrumentation.aio_pika import AioPikaInstrumentor

        tracer = telemetry.start("python_producer")
        AioPikaInstrumentor().instrument()
        context = tracer.start_as_current_span("ask_from_python")
    connection = await aio_pika.connect_robust(url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("chimera.events")
        with context as current:
            if kind == "traced":
                span = telemetry.ids(current)
            message = aio_pika.Message(json.dumps({"from": "python"}).encode())
            await exchange.publish(message, routing_key)
    print(json.dumps(span))


asyncio.run(main(*sys.argv[1:]))
