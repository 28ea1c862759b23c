"""A certificate for the sandbox's server, signed by the sandbox's own CA. Needs `finsecure[sandbox]`.

The CA is stored in the database, like the API keys, so clients that trust it still do after the sandbox restarts. Its
certificate is written to a file, for clients to trust. Its private key is not.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ._asgi import needs_extra
from ._problems import invalid
from ._store import Store

_OWN = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_PEM = b"-----BEGIN CERTIFICATE-----"


class Certificates:
    """The CA of a sandbox, and the certificate of its server.

    Args:
        store: The store that has the CA.
        names: The host names of the server, besides `localhost` and the loopback addresses.
        path: The file to write the CA's certificate to; `None` for one in a temporary folder that `close` removes.

    Raises:
        ImportError: trustme is not installed.
        OSError: The file cannot be written.
        Problem: The file exists and is not a certificate, or a name is not valid in a certificate.

    Attributes:
        context: The TLS settings of the server.
        file: The file with the CA's certificate.
    """

    def __init__(self, store: Store, names: Iterable[str], path: str | None) -> None:
        try:
            import trustme
        except ImportError as error:
            raise needs_extra(error) from None

        def new() -> str:
            ca = trustme.CA(organization_name="FinSecure sandbox")
            return json.dumps([pem.bytes().decode() for pem in (ca.cert_pem, ca.private_key_pem)])

        certificate, key = (pem.encode() for pem in json.loads(store.setting("authority", new)))
        self.context: ssl.SSLContext = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            issued = trustme.CA.from_pem(certificate, key).issue_cert(*_OWN, *sorted(names))
        except ValueError as error:
            message = f"hosts has a name that cannot stand in a certificate ({error}): use letters, digits and hyphens."
            raise invalid(message, "hosts") from None
        issued.configure_cert(self.context)  # pyright: ignore[reportUnknownMemberType] # it takes pyOpenSSL's too
        self._folder = None if path else tempfile.mkdtemp(prefix="finsecure-sandbox-")
        self.file: Path = Path(path or f"{self._folder}/ca.pem").absolute()
        if self.file.exists() and not self.file.read_bytes().startswith(_PEM):
            raise invalid(f"tls names {path}, which holds something else than a certificate: name another file.", "tls")
        self.file.write_bytes(certificate)

    def close(self) -> None:
        """Remove the temporary folder, if there is one."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def machine() -> list[str]:
    """Return the name of this machine, if it is valid in a certificate."""
    name = socket.gethostname().lower()
    return [name] if _NAME.fullmatch(name) else []
