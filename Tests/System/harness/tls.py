"""TLS clients: Python's `ssl`, and the `openssl s_client` that operators use."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import struct
import subprocess
from dataclasses import dataclass

from .client import Client, Response, request
from .wire import WAIT, Port, Reader

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def context_of(authority=None, certificate=None, minimum=V12, maximum=V13, alpn=("http/1.1",),
               ciphers: str | None = None) -> ssl.SSLContext:
    """A client's context; without an authority it believes anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # OpenSSL's lowest level: what the proxy refuses, the client must be willing to do.
    context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = minimum, maximum
    if authority:
        context.load_verify_locations(authority)
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate.cert_file, certificate.key_file)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class TLSClient(Client):
    """One TLS connection."""

    def __init__(self, address, context: ssl.SSLContext, name: str | None = "api.test",
                 session=None, timeout: float = WAIT):
        plain = socket.create_connection(address, timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = Port(plain.getsockname()[1])
        try:
            # A closed connection without close_notify is an error, not an end.
            self.sock = context.wrap_socket(
                plain, server_hostname=name, session=session, suppress_ragged_eofs=False)
        except BaseException:
            plain.close()
            raise
        self.reader = Reader(self.sock)

    @property
    def shown(self) -> str:
        """SHA-256 of the certificate that the server showed."""
        return hashlib.sha256(self.sock.getpeercert(binary_form=True)).hexdigest()


def ask(address, context, data: bytes = b"", name: str | None = "api.test",
        session=None) -> tuple[Response, TLSClient]:
    """One request on a connection of its own, which is closed; its facts stay."""
    client = TLSClient(address, context, name, session)
    try:
        return client.ask(data or request()), client
    finally:
        client.kept_session = client.sock.session
        client.was_reused = client.sock.session_reused
        client.sock.close()


def refused(address, context, name: str | None = "api.test",
            session=None) -> tuple[Port, Exception]:
    """A connection whose handshake must fail; our port, and the error.

    A client of TLS 1.3 hears of a certificate's refusal only when it reads.
    """
    plain = socket.create_connection(address, WAIT)
    port = Port(plain.getsockname()[1])
    try:
        with context.wrap_socket(plain, server_hostname=name, session=session,
                                 suppress_ragged_eofs=False) as sock:
            sock.sendall(request())
            answer = sock.recv(4096)
    except (ssl.SSLError, ConnectionError, OSError) as error:
        return port, error
    finally:
        plain.close()
    raise AssertionError(f"the handshake was not refused: {answer[:200]!r}")


@dataclass
class Peer:
    """What `openssl s_client` said."""

    code: int
    out: str
    err: str
    port: Port

    def value(self, label: str) -> str | None:
        found = re.search(rf"^\s*{re.escape(label)}\s*:?\s*(.*?)\s*$", self.out, re.M)
        return found[1] if found else None

    @property
    def negotiated(self) -> tuple[str, str]:
        """Version and cipher suite, by OpenSSL's names."""
        found = re.search(r"^(?:New|Reused), (\S+), Cipher is (\S+)", self.out, re.M)
        assert found, self.out + self.err
        # For a suite that TLS 1.0 has too, this line names the suite's version, not ours.
        return found[1], found[2]

    @property
    def shown(self) -> str:
        """SHA-256 of the certificate that the server showed."""
        text = re.search(r"-----BEGIN CERT.*?-----END CERTIFICATE-----", self.out, re.S)[0]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()

    @property
    def was_reused(self) -> bool:
        return re.search(r"^Reused, ", self.out, re.M) is not None

    @property
    def body(self) -> str:
        return self.out.rpartition("\r\n\r\n")[2] or self.out.rpartition("\n\n")[2]


def free_port() -> Port:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Port(probe.getsockname()[1])


def s_client(address, *arguments, data: bytes | None = None, name: str | None = "api.test",
             timeout: float = 20) -> Peer:
    """Runs it; with `data` the connection lasts until the server ends it."""
    port = free_port()
    command = ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}",
               "-bind", f"127.0.0.1:{port}", *map(str, arguments)]
    command += ["-servername", name] if name else ["-noservername"]
    if data is not None:
        command.append("-ign_eof")
    done = subprocess.run(command, input=data or b"", capture_output=True, timeout=timeout)
    return Peer(done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1"),
                port)


LAST = request(fields={"Connection": "close"})


class Wire:
    """A TLS client whose records pass through our hands, to be cut up or kept."""

    def __init__(self, context: ssl.SSLContext, name: str | None = "api.test"):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)

    def hello(self) -> bytes:
        """The records of the ClientHello."""
        try:
            self.ssl.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def finish(self, sock: socket.socket, send) -> None:
        """Goes through the handshake; `send` puts our bytes on the wire."""
        while True:
            try:
                self.ssl.do_handshake()
                send(self.outgoing.read())
                return
            except ssl.SSLWantReadError:
                send(self.outgoing.read())
                self._receive(sock)

    def read(self, sock: socket.socket) -> bytes:
        while True:
            try:
                return self.ssl.read(65536)
            except ssl.SSLWantReadError:
                self._receive(sock)

    def _receive(self, sock: socket.socket) -> None:
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        self.incoming.write(piece)


# ---- JA4, from FoxIO's description

def _grease(value: int) -> bool:
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def _numbers(data: bytes) -> list[int]:
    return [value for value in struct.unpack(f">{len(data) // 2}H", data)
            if not _grease(value)]


def ja4(records: bytes) -> str:
    """The fingerprint of the ClientHello in these TLS records."""
    message = b""
    while records:
        (length,) = struct.unpack_from(">H", records, 3)
        message, records = message + records[5:5 + length], records[5 + length:]
    assert message[0] == 1
    body = message[4:]
    version, at = struct.unpack_from(">H", body)[0], 34
    at += 1 + body[at]
    (size,) = struct.unpack_from(">H", body, at)
    ciphers = _numbers(body[at + 2:at + 2 + size])
    at += 2 + size
    at += 1 + body[at] + 2
    extensions = {}
    while at < len(body):
        kind, size = struct.unpack_from(">HH", body, at)
        extensions[kind] = body[at + 4:at + 4 + size]
        at += 4 + size
    kinds = [kind for kind in extensions if not _grease(kind)]
    if 43 in extensions:
        version = max(_numbers(extensions[43][1:]))
    shown = {0x304: "13", 0x303: "12", 0x302: "11", 0x301: "10"}[version]
    protocol = extensions[16][3:3 + extensions[16][2]].decode() if 16 in extensions else "00"
    start = (f"t{shown}{'d' if 0 in extensions else 'i'}{len(ciphers):02}{len(kinds):02}"
             f"{protocol[0]}{protocol[-1]}")

    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    suites = ",".join(sorted(f"{value:04x}" for value in ciphers))
    listed = ",".join(sorted(f"{value:04x}" for value in kinds if value not in (0, 16)))
    algorithms = ",".join(f"{value:04x}" for value in _numbers(extensions[13][2:]))
    return f"{start}_{digest(suites)}_{digest(listed + '_' + algorithms)}"
