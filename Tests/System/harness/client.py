"""A client that sends exactly the bytes it is told to."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field

from .wire import WAIT, Body, Closed, Head, Port, Reader, body_of


@dataclass
class Response:
    status: int
    head: Head
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[Head] = field(default_factory=list)
    framing: str = "none"

    def get(self, name: str, otherwise: str | None = None) -> str | None:
        return self.head.get(name, otherwise)

    @property
    def receipt(self) -> str:
        value = self.get("Audit-Receipt")
        assert value, f"no receipt: {self.head.raw!r}"
        return value

    @property
    def reason(self) -> str:
        """The stable code that a refusal of the proxy names."""
        return json.loads(self.body)["code"]


class Client:
    """One connection."""

    def __init__(self, address: tuple[str, int], timeout: float = WAIT, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = Port(self.sock.getsockname()[1])
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data: bytes) -> "Client":
        self.sock.sendall(data)
        return self

    def head(self) -> Head:
        return Head.read(self.reader)

    def response(self, method: str = "GET") -> Response:
        """The next final response, its body read; interim ones beside it."""
        response = self.response_head(method)
        body = self.body_of(response, method)
        response.framing = body.kind
        response.body = body.read()
        response.trailers = body.trailers
        return response

    def response_head(self, method: str = "GET") -> Response:
        interim = []
        while True:
            head = self.head()
            version, status, _ = (head.line + " ").split(" ", 2)
            assert version == "HTTP/1.1", head.line
            code = int(status)
            if code < 200 and code != 101:
                interim.append(head)
                continue
            return Response(code, head, interim=interim)

    def body_of(self, response: Response, method: str) -> Body:
        code, head = response.status, response.head
        if method == "HEAD" or code in (101, 204, 304):
            return Body(self.reader, "none")
        body = body_of(head, self.reader)
        if body.kind == "none":
            return Body(self.reader, "close")
        return body

    def ask(self, data: bytes, method: str = "GET") -> Response:
        return self.send(data).response(method)

    def shut_sending(self) -> "Client":
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.sock.close()

    def is_closed(self) -> bool:
        """Waits for the other side's close and says that nothing came before it."""
        try:
            rest = self.reader.rest()
        except TimeoutError:
            return False
        assert rest == b"", f"unexpected bytes before the close: {rest[:300]!r}"
        return True

    def stays_open(self, probe: bytes) -> Response:
        """A further request is answered on the same connection."""
        return self.ask(probe)


def request(
    method: str = "GET", target: str = "/open/x", fields: dict | list | None = None,
    body: bytes = b"", host: str = "api.test", token: str | None = None,
    version: str = "HTTP/1.1",
) -> bytes:
    """A well-formed request; `Content-Length` is added for a body unless framing is given."""
    lines = [f"{method} {target} {version}"]
    pairs = list(fields.items()) if isinstance(fields, dict) else list(fields or [])
    names = {name.lower() for name, _ in pairs}
    if host and "host" not in names:
        lines.append(f"Host: {host}")
    if token:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name}: {value}" for name, value in pairs]
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*pieces: bytes, trailers: bytes = b"") -> bytes:
    out = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return out + b"0\r\n" + trailers + b"\r\n"


def once(address, data: bytes, method: str = "GET") -> Response:
    """One request on a connection of its own."""
    with Client(address) as client:
        return client.ask(data, method)


__all__ = ["Client", "Closed", "Response", "chunked", "once", "request"]
