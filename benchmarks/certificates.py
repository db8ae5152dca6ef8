"""A house's certificates, made anew for each run: its authority, its broker, and whoever connects."""

from dataclasses import dataclass
from pathlib import Path
import ssl
from typing import Final

import trustme

from .broker import HOST

AUTHORITY: Final = "ca.pem"
ACCESS: Final = """\
cafile {ca}
certfile {broker.certificate}
keyfile {broker.key}
require_certificate true
use_identity_as_username true"""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Certificates:
    """Issues certificates into a folder; all of them are signed by the authority in the file `ca`, and called `<name>.pem` and `<name>.key`."""

    def __init__(self, folder: Path) -> None:
        """Make the authority and the broker's certificate.

        Anybody may read the files: Mosquitto gives up root's rights before it does.
        """
        self.folder = folder
        self._authority = trustme.CA()
        self.ca = folder / AUTHORITY
        self._authority.cert_pem.write_to_path(str(self.ca))
        self.broker = self._write(self._authority.issue_cert(HOST), "broker")

    @property
    def access(self) -> str:
        """Mosquitto's configuration for those who have such a certificate, each by the name that is in it, and nobody else."""
        return ACCESS.format(ca=self.ca, broker=self.broker)

    def issue(self, name: str) -> Identity:
        """Make a certificate whose common name is `name`."""
        return self._write(self._authority.issue_cert(name, common_name=name), name)

    def context(self, name: str) -> ssl.SSLContext:
        """Return what lets a client of this process connect by that name."""
        identity = self.issue(name)
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(identity.certificate, identity.key)
        return context

    def _write(self, issued: trustme.LeafCert, name: str) -> Identity:
        identity = Identity(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(str(identity.certificate))
        issued.private_key_pem.write_to_path(str(identity.key))
        return identity
