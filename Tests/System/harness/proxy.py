"""One running `sallyport serve`, and the settings it was started with."""

from __future__ import annotations

import copy
import json
import os
import queue
import re
import signal
import subprocess
import threading
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from .logfile import Log

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("SALLYPORT_BIN", ROOT / ".build/debug/sallyport"))
AUDIT = Path(os.environ.get("SALLYPORT_AUDIT_BIN", BINARY.parent / "sallyport-audit"))
START = 60.0
LISTENING = re.compile(r"listening on (\S+):(\d+) \((\S+)\)")


def settings(directory: Path, upstream: int, tokens, **changes) -> dict:
    """The settings that most tests share; `changes` replace whole sections."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "jwks.json").write_text(json.dumps(tokens.jwks()))
    key = directory / "audit-key.pem"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    base = {
        "version": 1,
        "workers": 2,
        "realm": "test",
        "listeners": {"public": {"address": "127.0.0.1:0"}},
        "issuers": {"corp": {
            "issuer": tokens.issuer, "audience": [tokens.audience],
            "algorithms": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
                           "ES384", "ES512", "EdDSA"],
            "token_type": "at+jwt", "max_age": "1h",
            "claims": {"subject": "sub", "roles": "realm_access.roles"},
            "jwks": {"file": str(directory / "jwks.json")},
        }},
        "rate_limits": {
            "per_subject": {"key": "subject", "rate": "60/m", "burst": 5},
            "per_route": {"key": "route", "rate": "1/m", "burst": 20},
            "per_ip": {"key": "client_ip", "rate": "1/m", "burst": 3},
        },
        "upstreams": {
            "main": {"endpoints": [f"http://127.0.0.1:{upstream}"],
                     "timeouts": {"connect": "1s", "response": "5s", "stall": "5s"}},
        },
        "routes": [
            {"name": "health", "match": {"path": "/health"}, "auth": "none",
             "respond": {"status": 200, "body": "ok"}},
            {"name": "open", "match": {"path": "/open/**"}, "auth": "none", "upstream": "main"},
            {"name": "secure", "match": {"path": "/secure/**"}, "auth": "corp",
             "upstream": "main",
             "request_headers": {"set": {"X-User": "${identity.subject}"},
                                 "remove": ["Authorization"]}},
            {"name": "admin", "match": {"path": "/admin/**"}, "auth": "corp",
             "allow": {"roles": ["admin"]}, "upstream": "main"},
            {"name": "orders", "match": {
                "host": "api.test", "path": "/v1/{tenant}/orders/**", "methods": ["GET", "HEAD"]},
             "auth": "corp", "allow": {"roles": ["reader", "admin"]}, "upstream": "main"},
            {"name": "limited", "match": {"path": "/limited/**"}, "auth": "corp",
             "rate_limit": "per_subject", "upstream": "main"},
            {"name": "scarce", "match": {"path": "/scarce/**"}, "auth": "none",
             "rate_limit": "per_route", "upstream": "main"},
            {"name": "by-address", "match": {"path": "/by-address/**"}, "auth": "none",
             "rate_limit": "per_ip", "upstream": "main"},
        ],
        "audit": {"directory": str(directory / "audit"), "origin": "log.test/one",
                  "signing_key": f"file:{key}", "checkpoint": "100ms"},
    }
    base = copy.deepcopy(base)
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(name), dict):
            base[name] = {**base[name], **value}
        else:
            base[name] = value
    return base


class Proxy:
    """Starts, is spoken to, is stopped."""

    def __init__(self, directory: Path, config: dict):
        self.directory = directory
        self.config = config
        self.file = directory / "sallyport.yaml"
        # A copy shares nothing: what stands twice would be written as an alias.
        self.file.write_text(yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False))
        self.log = Log(Path(config["audit"]["directory"]))
        self.process: subprocess.Popen | None = None
        # Words before the command, of a program that watches it and lets it keep its own pid.
        self.watcher: list[str] = []
        # Variables and options of its process, such as descriptors that it inherits.
        self.environment: dict[str, str] = {}
        self.options: dict = {}
        self.lines: list[str] = []
        self.addresses: dict[str, tuple[str, int]] = {}

    def start(self) -> "Proxy":
        self.addresses, self.lines = {}, []
        self.process = subprocess.Popen(
            [*self.watcher, BINARY, "serve", "--config", self.file], stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, text=True, errors="replace",
            env={**os.environ, **self.environment}, **self.options)
        arrived: queue.Queue[str | None] = queue.Queue()

        def pump(stream):
            for line in stream:
                self.lines.append(line)
                arrived.put(line)
            arrived.put(None)

        threading.Thread(target=pump, args=(self.process.stderr,), daemon=True).start()
        while len(self.addresses) < len(self.config["listeners"]):
            line = arrived.get(timeout=START)
            if line is None:
                raise RuntimeError(
                    f"exit {self.process.wait()} before it listened:\n{''.join(self.lines)}")
            if found := LISTENING.search(line):
                self.addresses[found[3]] = (found[1], int(found[2]))
        return self

    @property
    def address(self) -> tuple[str, int]:
        return next(iter(self.addresses.values()))

    @property
    def pid(self) -> int:
        return self.process.pid

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self, timeout: float = 20.0) -> int:
        return self.process.wait(timeout)

    def stop(self) -> int:
        """SIGTERM by its own pid; the exit code."""
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop:\n{''.join(self.lines)}") from None

    def memory(self) -> int:
        """Resident bytes now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def record(self, response) -> dict:
        """The record that the response's receipt names, once it is durable."""
        return self.log.wait_for(response.receipt)


def run(binary: Path, *arguments, check: int | None = 0, **options) -> subprocess.CompletedProcess:
    """Runs one command to its end."""
    done = subprocess.run(
        [binary, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)
    if check is not None:
        assert done.returncode == check, (done.args, done.returncode, done.stdout, done.stderr)
    return done


def audit(*arguments, check: int | None = 0) -> subprocess.CompletedProcess:
    """Runs `sallyport-audit`."""
    return run(AUDIT, *arguments, check=check)
