"""Webhooks with Celery on Redis: taken in at once, and worked off by as many workers as you run.

Needs `pip install 'celery[redis]' uvicorn 'finsecure[redis]'`, and `redis-server` on this machine unless REDIS_URL
names another Redis. One command starts Redis, a worker and the web server, and Ctrl-C ends them:

    python examples/celery_webhooks.py

With FINSECURE_WEBHOOK_SECRET as `finsecure sandbox` prints it, have events delivered to http://127.0.0.1:8001/.
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

PORT = 6390  # of the Redis that this script starts
URL = os.environ.get("REDIS_URL", f"redis://127.0.0.1:{PORT}/0")

store = redis.Redis.from_url(URL)  # pyright: ignore[reportUnknownMemberType] # redis-py has an untyped **kwargs
app = Celery("celery_webhooks", broker=URL)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 600},  # seconds until a message of a worker that died comes again
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that all of them are ended
    started = [subprocess.Popen(command, cwd=here.parent) for command in commands]  # noqa: S603 - these commands
    try:
        uvicorn.run(webhook.asgi, port=int(os.environ.get("PORT", "8001")))
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
