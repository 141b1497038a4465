"""A service over HTTP with aiohttp and its instrumentation: says what baggage came with a request, until its standard
input ends.

http_server.py

Its first line is the port that it listens on.
"""

import asyncio
import sys

from aiohttp import web
from opentelemetry.instrumentation.aiohttp_server import AioHttpServerInstrumentor

import telemetry


async def main():
    tracer = telemetry.start("python_server")
    AioHttpServerInstrumentor().instrument()

    async def answer(request):
        with tracer.start_as_current_span("answer"):
            return web.json_response({"baggage": request.headers.get("baggage")})

    application = web.Application()
    application.router.add_get("/answer", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


asyncio.run(main())
