"""A client's settings: key, host, times. Validates before sending. No I/O.

The key's mode picks the host. HTTPS only, except loopback; a live key never goes over HTTP.
Reference: Authentication; Test Environment; Security Testing, "HTTPS-only communication".
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from typing_extensions import Self, TypedDict

from . import _redact
from ._clock import SYSTEM, Clock
from ._http import Origin
from ._params import TOO_LARGE, as_int, as_str, shown, type_of, wrong
from ._version import API_VERSION, __version__
from .error import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address

    from ._call import Call

DEFAULT_TIMEOUT = 30.0
LONGEST = 86_400.0  # seconds
DEFAULT_MAX_RETRIES = 2
DEFAULT_MAX_RESPONSE_SIZE = 16 * 1024 * 1024  # bytes; a page of 100 objects is far below one MiB

HOSTS = {"live": "https://api.finsecure.com", "test": "https://api-sandbox.finsecure.com"}

_WHERE_KEYS_ARE = (
    "Pass api_key= or set FINSECURE_SECRET_KEY. For module-level calls, such as finsecure.PaymentIntent.create(...), "
    "you can also set finsecure.api_key."
)


class _AnyOptions(TypedDict, total=False):
    """All options except the key; see `Client`."""

    base_url: str | None
    timeout: float
    max_retries: int
    deadline: float | None
    max_response_size: int
    api_version: str
    app_info: str | None
    default_headers: Mapping[str, str]
    clock: Clock


class Options(_AnyOptions, total=False):
    """The options of `with_options`; see `Client`. `api_key` cannot be `None`, which would read the environment."""

    api_key: str | Callable[[], str]


class ModuleOptions(_AnyOptions, total=False):
    """The options of `configure`; see `Client`."""

    api_key: str | Callable[[], str] | None


_HEADER_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?")
OPTION_NAMES = frozenset({*_AnyOptions.__annotations__, *Options.__annotations__})
_NEVER_NONE = OPTION_NAMES - {"deadline", "app_info"}


@dataclass(frozen=True)
class Config:
    """Settings that have been checked, with the `headers` and `origin` computed from them."""

    api_key: str = field(repr=False)
    base_url: str
    timeout: float
    max_retries: int
    deadline: float | None
    max_response_size: int
    api_version: str
    app_info: str | None
    default_headers: Mapping[str, str] = field(repr=False)
    clock: Clock = field(repr=False)
    ask_key: Callable[[], str] | None = field(repr=False)  # the function given as `api_key`, called for each request
    host_of_mode: bool = field(repr=False)  # whether the key's mode picked the host
    host_of_environment: bool = field(repr=False)  # whether FINSECURE_BASE_URL picked it
    origin: Origin = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)

    @classmethod
    def checked(
        cls,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        deadline: float | None = None,
        max_response_size: int = DEFAULT_MAX_RESPONSE_SIZE,
        api_version: str = API_VERSION,
        app_info: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Check the arguments, and read the environment for those that are missing."""
        ask_key = api_key if callable(api_key) else None
        key = _key(api_key)
        mode = key[3:7]
        environment = os.environ.get("FINSECURE_BASE_URL") if base_url is None else None
        url, origin = _origin(environment or (HOSTS[mode] if base_url is None else base_url), mode)
        version = _header_text("api_version", api_version)
        application = None if app_info is None else _header_text("app_info", app_info)
        agent = f"finsecure-python/{__version__} python/{'.'.join(map(str, sys.version_info[:3]))}"
        if application is not None:
            agent += f" {application}"
        headers = (
            (b"Host", origin.authority.encode()),
            (b"Authorization", b"Bearer " + key.encode()),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"gzip"),
            (b"User-Agent", agent.encode()),
            (b"FinSecure-Version", version.encode()),
            *_default_headers(default_headers or {}),
        )
        return cls(
            api_key=key,
            base_url=url,
            timeout=_seconds("timeout", timeout),
            max_retries=_count("max_retries", max_retries, 0),
            deadline=None if deadline is None else _seconds("deadline", deadline),
            max_response_size=_count("max_response_size", max_response_size, 1),
            api_version=version,
            app_info=application,
            default_headers=MappingProxyType({**(default_headers or {})}),
            ask_key=ask_key,
            clock=clock or SYSTEM,
            host_of_mode=base_url is None and not environment,
            host_of_environment=bool(environment),
            origin=origin,
            headers=headers,
        )

    def replace(self, options: Options) -> Config:
        """Return these settings with some replaced. A new key's mode picks the host, unless `base_url` was given."""
        kept: dict[str, Any] = {
            setting.name: getattr(self, setting.name) for setting in fields(self) if setting.name in OPTION_NAMES
        }
        kept["api_key"] = self.ask_key or self.api_key
        check_names(options)
        for name in _NEVER_NONE & options.keys():
            if cast("dict[str, Any]", options)[name] is None:
                raise wrong(name, f"{name} is None: leave it out to keep this client's value, or pass another value.")
        changed: dict[str, Any] = {**kept, **options}
        if not self.host_of_mode or "base_url" in options:
            return Config.checked(**changed)
        # Not FINSECURE_BASE_URL, which this client did not use.
        changed["base_url"] = HOSTS[_key(changed["api_key"])[3:7]]
        return replace(Config.checked(**changed), host_of_mode=True)

    def current(self) -> Config:
        """Return these settings with the key to use now, if `api_key` is a function."""
        if self.ask_key is None:
            return self
        key = _key(self.ask_key)
        return self if key == self.api_key else replace(self.replace({"api_key": key}), ask_key=self.ask_key)

    def live_key_goes_astray(self) -> bool:
        """Whether FINSECURE_BASE_URL sends a live key to a host that is not FinSecure's."""
        return self.host_of_environment and self.api_key[3:7] == "live" and not _OURS.fullmatch(self.origin.host)

    def check_allowed(self, call: Call[Any]) -> None:
        """Refuse a call that a publishable key may not make. Reference: Key Types."""
        if self.api_key.startswith("pk_") and not call.publishable:
            raise AuthenticationError(
                f"{call.method} {call.template} needs a secret key (sk_...): this client has a publishable key, which "
                "may only create payment methods. Nothing was sent.",
                type="authentication_error",
            )


def check_names(options: Iterable[str]) -> None:
    """Refuse an unknown option."""
    for name in set(options) - OPTION_NAMES:
        from ._habits import option  # only where one is wrong

        raise wrong(name, option(name, OPTION_NAMES))


def _key(given: object) -> str:
    given = _asked(given) if callable(given) else given
    if given is None:
        given = os.environ.get("FINSECURE_SECRET_KEY") or os.environ.get("FINSECURE_PUBLISHABLE_KEY")
    if given is None:
        raise _unusable(f"There is no API key. {_WHERE_KEYS_ARE}")
    key = as_str(given)
    if key is None:
        raise _unusable(f"The API key is {type_of(given)}, not a str. {_WHERE_KEYS_ARE}")
    if not key.strip():
        raise _unusable(f"The API key is blank. {_WHERE_KEYS_ARE}")
    if any(character.isspace() for character in key):
        raise _unusable(
            "The API key contains white space or a newline, often from a file: strip it, or copy the key again."
        )
    if not (key.isascii() and key.isprintable()):
        raise _unusable("The API key contains non-ASCII or invisible characters: copy it again from your dashboard.")
    if key.endswith("..."):
        raise _unusable(
            "The API key is the placeholder from the documentation: pass your own key, or start `finsecure sandbox`."
        )
    if key.startswith("whsec_"):
        raise _unusable(
            "api_key is a webhook signing secret (whsec_...), not an API key: pass sk_test_... or sk_live_..."
        )
    if key[:8] not in {"sk_test_", "sk_live_", "pk_test_", "pk_live_"} or len(key) == 8:
        raise _unusable("api_key is not a FinSecure API key: keys begin with sk_test_, sk_live_, pk_test_ or pk_live_.")
    return key


def _asked(function: Callable[[], object]) -> object:
    """Call the `api_key` function. Its own exceptions reach the program unchanged."""
    key = function()
    if inspect.iscoroutine(key):
        key.close()
        raise _unusable("api_key is an async function: pass one that returns a str, for example from a cache.")
    if key is None:
        raise _unusable("The api_key function returned None: return the key as a str.")
    return key


def _unusable(why: str) -> AuthenticationError:
    return AuthenticationError(f"{why} Nothing was sent.", type="authentication_error", param="api_key")


def _origin(given: object, mode: str) -> tuple[str, Origin]:
    url = as_str(given)
    if url is None:
        raise wrong("base_url", f"base_url is {type_of(given)}: pass a str such as {HOSTS['test']!r}.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("ascii")
    except ValueError:
        raise wrong("base_url", f"base_url is not a URL: pass one such as {HOSTS['test']!r}.") from None
    clean = url.isprintable() and not any(character.isspace() for character in url)
    if parts.scheme not in {"https", "http"} or not clean or not (_DNS_NAME.fullmatch(host) or _address(host)):
        raise wrong(
            "base_url",
            "base_url is not an http or https URL whose host is a DNS name or an IP address: pass one such as "
            f"{HOSTS['test']!r}.",
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise wrong("base_url", "base_url has a user, query or fragment: pass only scheme, host, port and path.")
    prefix = parts.path.rstrip("/")
    if prefix == "/v1" or not _PATH.fullmatch(prefix):
        why = (
            "ends in /v1: leave out the version"
            if prefix == "/v1"
            else "has a path that is not ASCII or not encoded: encode it"
        )
        raise wrong("base_url", f"base_url {why}.")
    if parts.scheme == "http":
        if mode == "live":
            raise wrong("base_url", "base_url is plain http and the key is a live key: use https.")
        if not is_loopback(host):
            raise wrong("base_url", f"base_url is plain http: use https, since http is only for loopback, not {host}.")
    default = 443 if parts.scheme == "https" else 80
    return url, Origin(parts.scheme, host, None if port == default else port, prefix)


# Only names that all HTTP libraries read in the same way: they disagree on the host of `https://a\\.b`, for example. A
# name that ends in a number is read as an address: 0x7f.1 is 127.0.0.1.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME = re.compile(rf"(?=.{{1,254}}\Z)(?:{_LABEL}\.)*(?!(?:0x[0-9a-f]*|\d+)\.?\Z){_LABEL}\.?")
_OURS = re.compile(r"(.+\.)?finsecure\.com\.?")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or address, without a DNS lookup."""
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    import ipaddress  # slow to import, and only needed for addresses

    try:
        return None if "%" in host else ipaddress.ip_address(host)  # a zone id is only valid on one machine
    except ValueError:
        return None


def _seconds(param: str, value: object) -> float:
    number = value if isinstance(value, float) else as_int(value)
    if number is None or not 0 < number <= LONGEST:
        raise wrong(param, f"{param} is {shown(value)}: pass a positive number of seconds, at most 86400 (a day).")
    return float(number)


def _count(param: str, value: object, least: int) -> int:
    number = as_int(value)
    if number is None or not least <= number < TOO_LARGE:
        raise wrong(param, f"{param} is {shown(value)}: pass an int of {least} or more.")
    return number


_OF_THE_TRANSPORT = "the transport sets it"
_OF_THE_BODY = "the client sets what describes the body"
_CUTS_RESPONSES = "the client needs whole responses"
_CHANGES_REQUESTS = "it would turn every call into another one"
_PROTECTED = {
    "accept": "the client reads JSON",
    "accept-encoding": "the client reads gzip",
    "authorization": "the client sets it from the key, so pass api_key",
    "cookie": "the API has no sessions",
    "finsecure-version": "pass api_version",
    "host": "pass base_url",
    "idempotency-key": "pass idempotency_key with the call",
    "proxy-authorization": "the API would see it, so put user and password into the URL of the proxy",
    "user-agent": "pass app_info",
    **dict.fromkeys(
        ("connection", "expect", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer"), _OF_THE_TRANSPORT
    ),
    **dict.fromkeys(("transfer-encoding", "upgrade"), _OF_THE_TRANSPORT),
    **dict.fromkeys((f"content-{what}" for what in ("digest", "encoding", "length", "md5", "range")), _OF_THE_BODY),
    **dict.fromkeys(("content-type", "digest"), _OF_THE_BODY),
    **dict.fromkeys(("if-match", "if-modified-since", "if-none-match", "if-range"), _CUTS_RESPONSES),
    **dict.fromkeys(("if-unmodified-since", "prefer", "range"), _CUTS_RESPONSES),
    **dict.fromkeys(("x-http-method", "x-http-method-override", "x-method-override"), _CHANGES_REQUESTS),
    **dict.fromkeys(("x-original-url", "x-rewrite-url"), _CHANGES_REQUESTS),
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _default_headers(given: object) -> list[tuple[bytes, bytes]]:
    """Check the user's headers and encode them."""
    param = "default_headers"
    if not isinstance(given, Mapping):
        raise wrong(param, f"{param} is {shown(given)}: pass a dict of header names and values.")
    headers: list[tuple[bytes, bytes]] = []
    for name, value in cast("Mapping[object, object]", given).items():
        header, text = as_str(name), as_str(value)
        if header is None or not _TOKEN.fullmatch(header):
            raise wrong(param, f"{param} has an invalid header name: pass names such as 'X-Request-Source'.")
        protected = _PROTECTED.get(header.lower().replace("_", "-"))  # CGI-like servers do not tell `-` from `_`
        if protected is not None:
            raise wrong(param, f"{param} has {header}, which cannot be set here: {protected}.")
        if text is None or not _HEADER_TEXT.fullmatch(text):
            raise wrong(param, f"{param}[{header!r}] must be one line of printable ASCII without spaces around it.")
        headers.append((header.encode(), text.encode()))
    return headers


_EXAMPLES = {"api_version": API_VERSION, "app_info": "my-shop/1.2"}


def _header_text(param: str, value: object) -> str:
    text = as_str(value)
    if text is None:
        raise wrong(param, f"{param} is {type_of(value)}: pass a str such as {_EXAMPLES[param]!r}.")
    if not _HEADER_TEXT.fullmatch(text):
        raise wrong(param, f"{param} is sent as a header: pass one line of printable ASCII without spaces around it.")
    if _redact.text(text) != text:
        raise wrong(param, f"{param} looks like a secret: pass another value, since servers may log this header.")
    return text
