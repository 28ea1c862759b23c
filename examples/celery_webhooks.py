"""Receive webhooks and handle them with Celery on Redis: the endpoint responds at once, and workers do the work.

Install the packages with `pip install 'celery[redis]' uvicorn 'finsecure[redis]'`. You also need `redis-server` on this
machine, or another Redis whose address is in REDIS_URL. One command starts Redis, a worker and the web server, and
Ctrl-C stops them:

    python examples/celery_webhooks.py

Start `finsecure sandbox --webhook http://127.0.0.1:8001/` first, and set FINSECURE_WEBHOOK_SECRET to the value that it
prints.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import redis
import uvicorn
from celery import Celery

from finsecure.webhooks import Handler, PaymentIntentSucceeded, RedisInbox

PORT = 6390  # where this script starts Redis
URL = os.environ.get("REDIS_URL", f"redis://127.0.0.1:{PORT}/0")

store = redis.Redis.from_url(URL)  # pyright: ignore[reportUnknownMemberType] # redis-py has an untyped **kwargs
app = Celery("celery_webhooks", broker=URL)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 600},  # seconds until the message of a dead worker is repeated
    task_acks_late=True,  # a message leaves the queue when its event is done
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
)

webhook = Handler(inbox=RedisInbox(store))  # the secret is FINSECURE_WEBHOOK_SECRET


# In the web server ----------------------------------------------------------------------------------------------------


@webhook.defer
def hand_over(message: str) -> None:
    work_off.delay(message)


# In the workers -------------------------------------------------------------------------------------------------------


@app.task(autoretry_for=(Exception,), retry_backoff=True, max_retries=None)
def work_off(message: str) -> None:
    webhook.process(message)


@webhook.on("payment_intent.succeeded")
def ship(event: PaymentIntentSucceeded) -> None:
    store.rpush("parcels", event.data.object.id)


def main() -> None:
    here = Path(__file__).resolve()
    commands = [[sys.executable, "-m", "celery", "-A", here.stem, "worker", "--concurrency=2", "--loglevel=warning"]]
    if "REDIS_URL" not in os.environ:
        commands.insert(0, ["redis-server", "--port", str(PORT), "--save", ""])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C, so that all of them stop
    started = [subprocess.Popen(command, cwd=here.parent) for command in commands]  # noqa: S603 - these commands
    try:
        uvicorn.run(webhook.asgi, port=int(os.environ.get("PORT", "8001")))
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
