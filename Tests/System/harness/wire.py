"""Reading HTTP/1.1 off a socket, for tests: strict, and written apart from the proxy's parser."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

WAIT = 10.0


class Port(int):
    """A port of ours from a time on: the kernel may have given it to another socket before."""

    def __new__(cls, number: int):
        port = super().__new__(cls, number)
        # A worker's clock may lag by a tick. More would let in what the socket before did: a
        # port that a reset freed is given out again within a few hundredths of a second.
        port.since = time.time() - 0.01
        return port


class Closed(Exception):
    """The peer closed the connection (or reset it) before what was awaited had come."""

    def __init__(self, read: bytes, was_reset: bool = False):
        super().__init__(f"closed after {len(read)} bytes: {read[:200]!r}")
        self.read = read
        self.was_reset = was_reset


class Reader:
    """Bytes of one socket, read as they are asked for."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.buffer = bytearray()
        self.was_reset = False

    def more(self) -> bool:
        try:
            piece = self.sock.recv(262144)
        except (ConnectionResetError, BrokenPipeError):
            self.was_reset = True
            piece = b""
        self.buffer += piece
        return bool(piece)

    def until(self, mark: bytes) -> bytes:
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            if not self.more():
                raise Closed(bytes(self.buffer), self.was_reset)
        return self.take(at + len(mark))

    def take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self.more():
                raise Closed(bytes(self.buffer), self.was_reset)
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def some(self, limit: int) -> bytes:
        if not self.buffer and not self.more():
            raise Closed(b"", self.was_reset)
        return self.take(min(limit, len(self.buffer)))

    def rest(self) -> bytes:
        while self.more():
            pass
        return self.take(len(self.buffer))


@dataclass
class Head:
    raw: bytes
    line: str
    fields: list[tuple[str, str]]

    @classmethod
    def read(cls, reader: Reader) -> "Head":
        raw = reader.until(b"\r\n\r\n")
        lines = raw[:-4].decode("latin-1").split("\r\n")
        fields = []
        for text in lines[1:]:
            name, colon, value = text.partition(":")
            assert colon and name == name.strip() and name, f"malformed field line {text!r}"
            fields.append((name, value.strip(" \t")))
        for text in lines:
            assert "\r" not in text and "\n" not in text and "\0" not in text, text
        return cls(raw, lines[0], fields)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: str, otherwise: str | None = None) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times: {values}"
        return values[0] if values else otherwise

    def names(self) -> set[str]:
        return {name.lower() for name, _ in self.fields}


@dataclass
class Body:
    """A body as it is read: pieces, then the trailers."""

    reader: Reader
    kind: str  # none | length | chunked | close
    length: int = 0
    trailers: list[tuple[str, str]] = field(default_factory=list)
    chunk_lines: list[bytes] = field(default_factory=list)

    def pieces(self):
        if self.kind == "length":
            left = self.length
            while left:
                piece = self.reader.some(left)
                left -= len(piece)
                yield piece
        elif self.kind == "chunked":
            while True:
                line = self.reader.until(b"\r\n")[:-2]
                self.chunk_lines.append(line)
                assert all(c in b"0123456789abcdefABCDEF" for c in line) and line, line
                left = int(line, 16)
                if not left:
                    break
                while left:
                    piece = self.reader.some(left)
                    left -= len(piece)
                    yield piece
                assert self.reader.take(2) == b"\r\n"
            while (line := self.reader.until(b"\r\n")) != b"\r\n":
                name, _, value = line[:-2].decode("latin-1").partition(":")
                self.trailers.append((name, value.strip()))
        elif self.kind == "close":
            while True:
                try:
                    yield self.reader.some(262144)
                except Closed as end:
                    if end.was_reset:
                        raise
                    return

    def read(self) -> bytes:
        return b"".join(self.pieces())


def body_of(head: Head, reader: Reader) -> Body:
    """The framing of RFC 9112 §6.3, with no tolerance."""
    coding = head.get("Transfer-Encoding")
    length = head.get("Content-Length")
    assert not (coding and length), "both framings at once"
    if coding is not None:
        assert coding == "chunked", coding
        return Body(reader, "chunked")
    if length is not None:
        assert length.isdigit(), length
        return Body(reader, "length", int(length))
    return Body(reader, "none")
