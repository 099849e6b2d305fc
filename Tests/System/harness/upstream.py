"""An upstream that does as a test tells it: also what no real one should do."""

from __future__ import annotations

import json
import socket
import threading
import queue
from dataclasses import dataclass

from .wire import WAIT, Body, Closed, Head, Reader, body_of


@dataclass
class Exchange:
    """One request as it arrived, and the socket to answer it on."""

    sock: socket.socket
    reader: Reader
    head: Head
    connection: int
    stopped: threading.Event
    gone: threading.Event
    was_answered: bool = False

    def __post_init__(self):
        self.method, self.target, self.version = self.head.line.split(" ")
        self.body: Body = body_of(self.head, self.reader)
        self.content: bytes | None = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def read(self) -> bytes:
        if self.content is None:
            self.content = self.body.read()
        return self.content

    def send(self, data: bytes) -> None:
        self.was_answered = True
        self.sock.sendall(data)

    def respond(self, body: bytes = b"", status: str = "200 OK", fields: str = "") -> None:
        self.read()
        text = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{fields}\r\n"
        self.send(text.encode("latin-1") + (b"" if self.method == "HEAD" else body))

    def await_gone(self) -> bool:
        """For tests: waits until this connection has ended."""
        return self.gone.wait(WAIT)

    def reset(self) -> None:
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.sock.close()

    def wait_closed(self) -> bool:
        """For handlers: waits until the proxy closes this connection; false if it does not."""
        try:
            while self.reader.more():
                pass
            return True
        except (TimeoutError, OSError):
            return False


class Upstream:
    """Serves on a loopback port; requests are answered by the handler of their path.

    A handler gets the `Exchange` and answers False to close the connection. Without a handler the
    answer is JSON that says what arrived. Every exchange is put into `seen`.
    """

    def __init__(self):
        self.handlers = {}
        self.seen: queue.Queue[Exchange] = queue.Queue()
        self.connections = 0
        self.failures: list[str] = []
        self.stopped = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def on(self, path: str):
        def keep(handler):
            self.handlers[path] = handler
            return handler
        return keep

    def last(self, path: str | None = None, timeout: float = WAIT) -> Exchange:
        """The next exchange that arrived (of that path)."""
        while True:
            exchange = self.seen.get(timeout=timeout)
            if path is None or exchange.path == path:
                return exchange

    def forget(self) -> None:
        while not self.seen.empty():
            self.seen.get_nowait()

    def close(self) -> None:
        self.stopped.set()
        self.listener.close()
        for sock in list(self.open):
            sock.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(
                target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock, number):
        sock.settimeout(60)
        self.open.add(sock)
        gone = threading.Event()
        reader = Reader(sock)
        try:
            while True:
                exchange = Exchange(sock, reader, Head.read(reader), number, self.stopped, gone)
                self.seen.put(exchange)
                handler = self.handlers.get(exchange.path, describe)
                if handler(exchange) is False:
                    break
        except (Closed, OSError, TimeoutError):
            pass
        except AssertionError as error:
            # What the proxy sent was not canonical: the test that looks here fails.
            self.failures.append(str(error))
        finally:
            self.open.discard(sock)
            sock.close()
            gone.set()


def describe(exchange: Exchange) -> None:
    """Answers with what arrived."""
    if exchange.head.get("Expect") == "100-continue":
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    content = exchange.read()
    said = {
        "line": exchange.head.line,
        "fields": exchange.head.fields,
        "body": content[:65536].decode("latin-1"),
        "size": len(content),
        "framing": exchange.body.kind,
        "trailers": exchange.body.trailers,
        "connection": exchange.connection,
    }
    exchange.respond(json.dumps(said).encode(), fields="Content-Type: application/json\r\n")
