"""An inbox in Redis: a worker holds a lease on its event, which expires if the worker dies.

How: a key for each event holds the worker's random token, and expires with the lease. The lease is renewed while the
function runs. When the event is done, the key holds `done`, and expires after `kept_for`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import secrets
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import redis
import redis.asyncio

from ..error import InboxError, WebhookUsageError
from .inbox import ANYIO, KEPT_FOR, Claim, Style, Threads, check_kept_for, in_progress, row_id

logger: logging.Logger = logging.getLogger("finsecure")

LEASE = 60.0  # seconds
DONE = b"done"
_CLAIM = """
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""
# Only the worker that holds the lease may renew or release it.
_RENEW = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2])"
_GIVE_BACK = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1])"


class RedisInbox:
    """An inbox in Redis: each event is handled at least once, by one worker at a time, on any number of machines.

    If a worker dies, its lease expires and another worker handles the event from the start. Redis must not evict keys
    (`maxmemory-policy noeviction`), and the inbox is only as durable as your Redis is configured to be.

    Args:
        client: Your `redis.Redis` or `redis.asyncio.Redis`.
        lease: Seconds after which another worker may handle the event of a worker that died.
        kept_for: How many seconds to remember that an event is done.
        prefix: The prefix of all keys.

    Raises:
        finsecure.WebhookUsageError: `client` is not a Redis client, or `lease` or `kept_for` is out of range.

    Example:
        >>> inbox = RedisInbox(redis.Redis())
        >>> webhook = finsecure.webhooks.Handler("whsec_...", inbox=inbox)
    """

    has_session: bool = False
    threads: Threads = ANYIO

    def __init__(
        self,
        client: redis.Redis | redis.asyncio.Redis,
        *,
        lease: float = LEASE,
        kept_for: float = KEPT_FOR,
        prefix: str = "finsecure:webhooks:",
    ) -> None:
        execute: Any = getattr(client, "execute_command", None)  # cluster clients have another class
        if not callable(execute):
            raise WebhookUsageError(
                f"RedisInbox was given {type(client).__name__}: pass a redis.Redis or a redis.asyncio.Redis."
            )
        seconds: Any = lease
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0.1 <= seconds <= 3600:
            raise WebhookUsageError(f"lease is {lease!r}: pass seconds, from 0.1 to 3600.")
        self.style: Style = "async" if inspect.iscoroutinefunction(execute) else "sync"
        self.kept_for: float = check_kept_for(kept_for)
        self._client: Any = client  # the return types depend on the kind of client
        self._lease = lease
        self._prefix = prefix
        self._renewals = _Renewals(self._renew, lease / 3)

    @contextmanager
    def claim(self, id: str) -> Generator[Claim]:
        """Claim an event."""
        key, token = self._key(id), secrets.token_hex(16)
        with _explained():
            holder = self._client.eval(_CLAIM, 1, key, token, _ms(self._lease))
        if _is_done(holder, id):
            yield Claim(is_done=True)
            return
        try:
            with self._renewals.of(key, token):
                yield Claim()
        except BaseException:
            with contextlib.suppress(Exception):  # otherwise the lease expires
                self._client.eval(_GIVE_BACK, 1, key, token)
            raise
        with _explained():
            self._client.set(key, DONE, px=_ms(self.kept_for))

    @asynccontextmanager
    async def claim_async(self, id: str) -> AsyncGenerator[Claim]:
        """Claim an event, in async code."""
        key, token = self._key(id), secrets.token_hex(16)
        with _explained():
            holder = await self._client.eval(_CLAIM, 1, key, token, _ms(self._lease))
        if _is_done(holder, id):
            yield Claim(is_done=True)
            return
        renewing = asyncio.create_task(self._renew_async(key, token))
        try:
            yield Claim()
        except BaseException:
            renewing.cancel()
            giving_back = asyncio.ensure_future(self._client.eval(_GIVE_BACK, 1, key, token))
            with contextlib.suppress(Exception):
                await asyncio.shield(giving_back)  # also if this task is cancelled again
            raise
        renewing.cancel()
        with _explained():
            await self._client.set(key, DONE, px=_ms(self.kept_for))

    def place(self, name: str) -> float | None:
        """Return the time that is stored under this name, in Unix seconds."""
        with _explained():
            return _moment(self._client.get(self._place(name)))

    def keep_place(self, name: str, moment: float) -> None:
        """Store a time under a name."""
        with _explained():
            self._client.set(self._place(name), str(moment), px=_ms(self.kept_for))

    async def place_async(self, name: str) -> float | None:
        """Return the time that is stored under this name, in async code."""
        with _explained():
            return _moment(await self._client.get(self._place(name)))

    async def keep_place_async(self, name: str, moment: float) -> None:
        """Store a time under a name, in async code."""
        with _explained():
            await self._client.set(self._place(name), str(moment), px=_ms(self.kept_for))

    def _key(self, id: str) -> str:
        return f"{self._prefix}event:{row_id(id)}"

    def _place(self, name: str) -> str:
        return f"{self._prefix}place:{name}"

    def _renew(self, key: str, token: str) -> None:
        try:
            _check_renewed(key, self._client.eval(_RENEW, 1, key, token, _ms(self._lease)))
        except Exception as exc:  # noqa: BLE001 - the next renewal may succeed
            _not_renewed(exc)

    async def _renew_async(self, key: str, token: str) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                _check_renewed(key, await self._client.eval(_RENEW, 1, key, token, _ms(self._lease)))
            except Exception as exc:  # noqa: BLE001 - the next renewal may succeed
                _not_renewed(exc)


class _Renewals:
    """Renews the leases of all claims of this process, in one thread that runs while there are claims."""

    def __init__(self, renew: Any, every: float) -> None:
        self._renew = renew
        self._every = every
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._held: dict[str, str] = {}  # keys by token: after a lease expires, two claims may have one key
        self._is_running = False

    @contextmanager
    def of(self, key: str, token: str) -> Generator[None]:
        """Renew the lease of a claim until the end of the block."""
        if self._process != os.getpid():  # forked: the thread is gone, and the leases are the parent's
            self._begin_anew()
        with self._lock:
            self._held[token] = key
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="finsecure-leases", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                del self._held[token]

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(self._every)
            with self._lock:
                held = dict(self._held)
                if not held:
                    self._is_running = False
                    return
            for token, key in held.items():
                self._renew(key, token)


def _is_done(holder: Any, id: str) -> bool:
    """Whether an event is done, by the previous value of its key. Raises if another worker holds it."""
    if holder is None:
        return False
    if holder in {DONE, DONE.decode()}:
        return True
    raise in_progress(id)


def _check_renewed(key: str, renewed: Any) -> None:
    if not renewed:
        logger.error("The lease of %s expired while its function ran, so another worker may handle the event too", key)


def _not_renewed(exc: Exception) -> None:
    logger.warning("A lease of the inbox could not be renewed, and will be tried again: %s", type(exc).__name__)


def _moment(kept: Any) -> float | None:
    return None if kept is None else float(kept)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


@contextmanager
def _explained() -> Generator[None]:
    """Convert an error of Redis, or of the client's event loop, to an `InboxError` that says what to do."""
    try:
        yield
    except Exception as exc:
        raise InboxError(
            f"The Redis of the inbox cannot be used: {type(exc).__name__}: {exc}. See that it runs and can be reached, "
            "and that an async client is used in one event loop only. An event that is not done is handled when it "
            "comes again."
        ) from exc
