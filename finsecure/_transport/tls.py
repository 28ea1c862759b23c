"""The TLS settings of this process: which certificates are trusted."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from ..error import InvalidRequestError


def tls_context() -> ssl.SSLContext:
    """One context for the process. Certificates are always verified; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others."""
    return _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _tls_context(cafile: str | None, capath: str | None) -> ssl.SSLContext:
    if not cafile and not capath:
        import certifi

        cafile = certifi.where()
    try:
        return ssl.create_default_context(cafile=cafile or None, capath=capath or None)
    except OSError as exc:
        raise unreadable(str(exc.strerror)) from None


def pem(cafile: str) -> bytes:
    """The certificates of `SSL_CERT_FILE`."""
    try:
        return Path(cafile).read_bytes()
    except OSError as exc:
        raise unreadable(str(exc.strerror)) from None


def unreadable(why: str) -> InvalidRequestError:
    """The error of an `SSL_CERT_FILE` that cannot be used."""
    return InvalidRequestError(
        f"SSL_CERT_FILE or SSL_CERT_DIR cannot be read ({why}): name a file of PEM certificates.",
        type="invalid_request_error",
        param="SSL_CERT_FILE",
    )
