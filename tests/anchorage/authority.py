"""A time stamping authority (RFC 3161) of OpenSSL's: its keys are made anew, its answers come from `openssl ts -reply`."""

import asyncio
from pathlib import Path
import subprocess
from typing import Final

from aiohttp import web

from .server import Server

EXTENSIONS: Final = """\
extendedKeyUsage = critical, timeStamping
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
"""
SETTINGS: Final = """\
[tsa]
default_tsa = this
[this]
dir = .
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
certs = {certs}
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.13762.3
other_policies = 1.3.6.1.4.1.13762.4
digests = {digests}
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class TimestampServer(Server):
    """One authority, with its files in a folder: `ca.pem` is what auditors trust.

    `digests` are what it takes; `replay` answers every request with its first answer; `chain` False leaves the root out of its tokens.
    """

    def __init__(self, folder: Path, *, digests: str = "sha256, sha512", chain: bool = True) -> None:
        super().__init__()
        self.folder = folder
        self.replay = False
        self._first: bytes | None = None
        self._lock = asyncio.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "extensions").write_text(EXTENSIONS)
        (folder / "serial").write_text("01\n")
        (folder / "settings").write_text(SETTINGS.format(certs="ca.pem" if chain else "tsa.pem", digests=digests))
        self._make_keys()

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/tsr", self._stamp)]

    async def _stamp(self, request: web.Request) -> web.Response:
        if request.content_type != "application/timestamp-query":
            raise web.HTTPUnsupportedMediaType
        query = await request.read()
        async with self._lock:
            answer = await asyncio.to_thread(self._reply, query)
        self._first = self._first or answer
        return web.Response(body=self._first if self.replay else answer, content_type="application/timestamp-reply")

    def _reply(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        self.openssl("ts", "-reply", "-config", "settings", "-queryfile", "query", "-out", "answer")
        return (self.folder / "answer").read_bytes()

    def verify(self, token: bytes, data: bytes) -> str:
        """Have OpenSSL verify an answer over data, as an auditor would; return what it says."""
        (self.folder / "given").write_bytes(token)
        (self.folder / "data").write_bytes(data)
        return self.openssl("ts", "-verify", "-in", "given", "-data", "data", "-CAfile", "ca.pem")

    def openssl(self, *arguments: str) -> str:
        """Run OpenSSL in the folder; raises where it fails."""
        run = subprocess.run(("openssl", *arguments), cwd=self.folder, capture_output=True, text=True, check=True)
        return run.stdout + run.stderr

    def _make_keys(self) -> None:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self.openssl(
            "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Root of a test", "-days", "2"
        )
        self.openssl("req", *curve, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Authority of a test")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions", "-days", "1")
        self.openssl("x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", *signing)
