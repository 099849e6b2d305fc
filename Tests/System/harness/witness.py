"""Witnesses: `aics-witness` of PyPI, and one that answers as a test says."""

from __future__ import annotations

import http.client
import http.server
import json
import re
import signal
import ssl
import subprocess
import sys
import threading
from pathlib import Path

from .wire import WAIT


class Witness:
    """A real C2SP witness with a database of its own."""

    def __init__(self, folder: Path, name: str):
        folder.mkdir(parents=True)
        self.config = folder / "witness.json"
        self.key = self.command("init", "--name", name).strip()
        self.process: subprocess.Popen | None = None
        self.port = 0

    def command(self, verb: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "aics_witness", verb, "--config", self.config, *arguments],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> "Witness":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aics_witness", "serve", "--config", self.config,
             "--listen", f"127.0.0.1:{self.port}"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening on http://127.0.0.1:(\d+)", line):
                self.port = int(found[1])
                break
        assert self.port, "the witness does not listen"
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict:
        return {"key": self.key, "url": self.url}

    def trust(self, origin: str, key: str) -> None:
        self.command("add-log", "--origin", origin, "--vkey", key)
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGHUP)

    def log(self, origin: str) -> dict | None:
        """What the witness knows of the log."""
        logs = json.loads(self.command("status", "--json"))["logs"]
        return next((log for log in logs if log["origin"] == origin), None)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(WAIT)


class AnsweringServer:
    """Answers each POST with what `answer(path, body)` gives: status, content type, body."""

    def __init__(self, answer, certificate=None):
        outer = self
        self.answer = answer
        self.requests: list[tuple[str, bytes]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, body))
                status, kind, text, *fields = outer.answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                for name, value in fields:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.settings["cert"], certificate.settings["key"])
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    def url(self, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def relay(witness: Witness):
    """An answer that the witness gives."""
    def answer(path, body):
        connection = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=WAIT)
        connection.request("POST", path, body)
        response = connection.getresponse()
        return response.status, response.headers.get("Content-Type", ""), response.read()
    return answer
