"""The TLS settings of this process: which certificates are trusted."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from ..error import InvalidRequestError


def tls_context() -> ssl.SSLContext:
    """Return the context of this process. It always verifies certificates; see `SSL_CERT_FILE` and `SSL_CERT_DIR`."""
    return _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _tls_context(cafile: str | None, capath: str | None) -> ssl.SSLContext:
    if capath and not any(Path(folder).is_dir() for folder in capath.split(os.pathsep)):
        raise _unreadable("SSL_CERT_DIR", "there is no such folder", "a folder of PEM certificates, hashed by c_rehash")
    if not cafile and not capath:
        import certifi

        cafile = certifi.where()
    try:
        return ssl.create_default_context(cafile=cafile or None, capath=capath or None)
    except OSError as exc:
        raise _unreadable("SSL_CERT_FILE", str(exc.strerror), "a file of PEM certificates") from None


def is_verified(context: object) -> bool:
    """Whether a TLS context verifies certificates, and that they are the host's; True for anything else."""
    return not isinstance(context, ssl.SSLContext) or context.check_hostname  # never without verifying certificates


def _unreadable(name: str, why: str, instead: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name} cannot be read ({why}): set it to {instead}.", type="invalid_request_error", param=name
    )
