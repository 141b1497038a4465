"""An agent with pika and its instrumentation: answers requests until its standard input ends.

reply.py URL QUEUE BINDING_KEY

It says "ready" when it consumes.
"""

import json
import sys
import threading

import pika
from opentelemetry.instrumentation.pika import PikaInstrumentor

import telemetry


def main(url, queue, binding_key):
    tracer = telemetry.start(queue)
    PikaInstrumentor().instrument()
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare(queue, exclusive=True)
    channel.queue_bind(queue, "chimera.events", binding_key)

    def answer(channel, method, properties, body):
        with tracer.start_as_current_span("double"):
            reply = {"doubled": 2 * json.loads(body)["n"]}
        about = pika.BasicProperties(correlation_id=properties.correlation_id)
        channel.basic_publish("", properties.reply_to, json.dumps(reply).encode(), about)
        channel.basic_ack(method.delivery_tag)

    def end_with_standard_input():
        sys.stdin.read()
        connection.add_callback_threadsafe(channel.stop_consuming)

    channel.basic_consume(queue, answer)
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    print("ready", flush=True)
    channel.start_consuming()
    connection.close()


main(*sys.argv[1:])
