"""An agent with FastStream and its own OpenTelemetry middleware: for each event it publishes another, and it answers
requests, until its standard input ends.

relay_faststream.py URL QUEUE EVENT_KEY NEXT_KEY

It says "ready" when it consumes.
"""

import asyncio
import sys

from faststream.rabbit import RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.opentelemetry import RabbitTelemetryMiddleware

import telemetry


async def main(url, queue, event_key, next_key):
    tracer = telemetry.start(queue)
    broker = RabbitBroker(url, middlewares=[RabbitTelemetryMiddleware()], logger=None)
    events = RabbitExchange("chimera.events", declare=False)

    @broker.subscriber(RabbitQueue(queue, exclusive=True, routing_key=event_key), events)
    async def relay(body: dict) -> dict:
        with tracer.start_as_current_span("relay"):
            await broker.publish(body, routing_key=next_key, exchange=events)
        return {"relayed": True}

    async with broker:
        await broker.start()
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
