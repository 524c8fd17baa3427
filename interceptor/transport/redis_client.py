"""A Redis client from the settings, and one kind of exception for all that can go wrong.

Enters: Settings. Leaves: a client with short timeouts, and RedisTrouble. Invariants: no call waits longer than
CONNECT_S and the time it was given; a message never holds a password, not even where it stands in the address; nothing
is sent twice without the caller's wish.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from interceptor.rules.errors import printable
from interceptor.transport.settings import Settings, SettingsError

CONNECT_S, READ_S = 1.0, 2.0
SHOWN_MAX = 200

Client = redis.Redis  # strings are bytes


class RedisTrouble(Exception):
    """Redis can't be reached, or doesn't do what it was asked for. `temporary`: it is worth trying again."""

    def __init__(self, message: str, *, temporary: bool = True) -> None:
        super().__init__(message)
        self.temporary = temporary


def connect(settings: Settings, read_s: float = READ_S) -> Client:
    """A client; it connects with its first command, and waits `read_s` for an answer. Raises SettingsError where the
    address can't be one, or there is none."""
    if not settings.redis:
        raise SettingsError("there is no Redis: INTERCEPTOR_REDIS is empty\n  hint: redis://HOST:PORT/0")
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": read_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    if settings.redis_username:
        options["username"] = settings.redis_username
    if password := settings.redis_password.get_secret_value():
        options["password"] = password
    if settings.redis.startswith("rediss://"):
        files = {
            "ssl_ca_certs": settings.redis_ca,
            "ssl_certfile": settings.redis_certificate,
            "ssl_keyfile": settings.redis_key,
        }
        options |= {name: str(path) for name, path in files.items() if path}
    try:
        return redis.Redis.from_url(settings.redis, **options)
    except ValueError as error:
        raise SettingsError(f"redis: no address of a Redis: {_without_secrets(str(error), settings)}") from None


@contextmanager
def told(settings: Settings) -> Iterator[None]:
    """Turns what redis-py raises into RedisTrouble, but for WatchError: that says that somebody else was faster."""
    try:
        yield
    except redis.WatchError:
        raise
    except redis.RedisError as error:
        raise trouble(error, settings) from None
    except OSError as error:  # certificates are read when it connects
        raise RedisTrouble(f"{address(settings)}: {_without_secrets(str(error), settings)}", temporary=False) from None


def trouble(error: redis.RedisError, settings: Settings) -> RedisTrouble:
    """What to tell of an exception of redis-py."""
    where, what = address(settings), _without_secrets(str(error), settings)
    match error:
        case exceptions.AuthenticationError() | exceptions.AuthorizationError():
            return RedisTrouble(f"{where} refuses the user or the password", temporary=False)
        case exceptions.NoPermissionError():
            return RedisTrouble(f"{where}: the user has no right to do that: {what}", temporary=False)
        case redis.TimeoutError():
            return RedisTrouble(f"{where} doesn't answer in time")
        case redis.BusyLoadingError():
            return RedisTrouble(f"{where} is still loading its data")
        case redis.ConnectionError():
            return RedisTrouble(f"{where} can't be reached: {what}")
        case redis.OutOfMemoryError():
            return RedisTrouble(f"{where} has no memory left (maxmemory)")
        case redis.ResponseError() if what.startswith("WRONGTYPE"):
            return RedisTrouble(f"{where}: a key of ours is used for something else: {what}", temporary=False)
        case redis.ResponseError():
            return RedisTrouble(
                f"{where} refuses: {what}", temporary=what.startswith(("MISCONF", "READONLY", "LOADING"))
            )
        case _:
            return RedisTrouble(f"{where}: {what}")


def address(settings: Settings) -> str:
    """Where the Redis is, without user and password."""
    parts = urlsplit(settings.redis)
    try:
        where = f"{parts.hostname or '?'}:{parts.port or 6379}"
    except ValueError:
        where = parts.hostname or "?"
    return printable(parts.path if parts.scheme == "unix" else f"Redis at {where}")


def _without_secrets(text: str, settings: Settings) -> str:
    secrets = {settings.redis_password.get_secret_value(), urlsplit(settings.redis).password or ""}
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return printable(text.replace("\n", " "))[:SHOWN_MAX]
