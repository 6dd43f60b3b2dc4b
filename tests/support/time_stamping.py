"""A time stamp authority of the tests' own: OpenSSL's, behind HTTP on this machine."""

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIGURATION = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[stamping]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/root.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@dataclass(slots=True)
class StampingServer:
    """Answers at `url`; `change` is what becomes of each answer, and may raise OSError.

    `asked` are the queries it has had.
    """

    folder: Path
    url: str
    change: Callable[[bytes], bytes]
    asked: list[bytes]

    @property
    def roots(self) -> Path:
        """The certificate above its own."""
        return self.folder / "root.pem"

    def verifies(self, stamp: Path, content: Path) -> bool:
        """What `openssl ts -verify` says of a stamp on a file."""
        done = _openssl("ts", "-verify", "-data", content, "-in", stamp, "-CAfile", self.roots)
        return done.returncode == 0

    def answer(self, query: bytes) -> bytes:
        """OpenSSL's own answer to a query."""
        (self.folder / "query.tsq").write_bytes(query)
        out = self.folder / "answer.tsr"
        done = _openssl(
            *("ts", "-reply", "-config", self.folder / "openssl.cnf", "-section", "own"),
            *("-queryfile", self.folder / "query.tsq", "-out", out),
        )
        assert done.returncode == 0, done.stderr
        return out.read_bytes()


@contextlib.contextmanager
def stamping_server(folder: Path) -> Iterator[StampingServer]:
    """An authority with a root of its own, for as long as the block lasts."""
    folder.mkdir(parents=True)
    (folder / "openssl.cnf").write_text(_CONFIGURATION.format(folder=folder))
    (folder / "serial").write_text("01\n")
    _make(folder, "root", "root", [])
    _make(folder, "tsa", "stamping", ["-CA", folder / "root.pem", "-CAkey", folder / "root.key"])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            own.asked.append(query)
            try:
                content = own.change(own.answer(query))
            except OSError:
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}/tsa"
        own = StampingServer(folder, address, lambda answer: answer, [])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield own
        finally:
            server.shutdown()
            thread.join()


def _make(folder: Path, name: str, section: str, above: list[object]) -> None:
    done = _openssl(
        *("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "30", "-subj", f"/CN=Thu {name}", "-config", folder / "openssl.cnf"),
        *("-extensions", section, "-keyout", folder / f"{name}.key"),
        *("-out", folder / f"{name}.pem", *above),
    )
    assert done.returncode == 0, done.stderr


def _openssl(*words: object) -> subprocess.CompletedProcess[str]:
    told = ["openssl", *(str(word) for word in words)]
    return subprocess.run(told, capture_output=True, text=True, check=False, timeout=60)
