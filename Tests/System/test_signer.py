"""`sallyport signer`: the log's own key in a process apart from the proxy."""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness.client import once, request
from harness.proxy import BINARY, audit
from harness.wire import WAIT


class Signer:
    """One signer, its key and its state in a folder apart from the log's."""

    def __init__(self, folder: Path, name="log.test/one"):
        folder.mkdir()
        self.key, self.state = folder / "key.pem", folder / "state"
        self.socket, self.name = folder / "socket", name
        self.private = ed25519.Ed25519PrivateKey.generate()
        self.key.touch(mode=0o600)
        self.key.write_bytes(self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        self.process = None
        self.lines: list[str] = []

    def command(self, *more) -> list:
        return [BINARY, "signer", "--key", self.key, "--state", self.state, "--socket",
                self.socket, "--origin", self.name, *more]

    def start(self, *more) -> "Signer":
        self.lines = []
        self.process = subprocess.Popen(
            self.command(*more), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        ready: queue.Queue[bool] = queue.Queue()

        def pump(stream):
            for line in stream:
                self.lines.append(line)
                if "listening on" in line:
                    ready.put(True)
            ready.put(False)

        threading.Thread(target=pump, args=(self.process.stderr,), daemon=True).start()
        assert ready.get(timeout=60), "".join(self.lines)
        return self

    def configure(self, proxy) -> None:
        """Has the proxy use it instead of a key of its own."""
        proxy.config["audit"].pop("signing_key", None)
        proxy.config["audit"]["signer"] = {"socket": str(self.socket)}
        proxy.file.write_text(yaml.safe_dump(
            json.loads(json.dumps(proxy.config)), sort_keys=False))

    def ask(self, message: str | bytes) -> str:
        data = message.encode() if isinstance(message, str) else message
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.settimeout(WAIT)
            peer.connect(str(self.socket))
            peer.send(data)
            return peer.recv(1 << 17).decode()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def signer(tmp_path):
    made = Signer(tmp_path / "signer").start()
    yield made
    made.stop()


def signed_proxy(make_proxy, signer, **changes):
    proxy = make_proxy(start=False, **changes)
    signer.configure(proxy)
    return proxy


def size(proxy) -> int:
    return int((proxy.log.folder / "tlog/checkpoint").read_text().split("\n")[1])


def until(test, what: str):
    end = threading.Event()
    for _ in range(int(WAIT / 0.02)):
        if test():
            return
        end.wait(0.02)
    raise AssertionError(what)


def test_a_log_is_signed_by_another_process(make_proxy, signer):
    proxy = signed_proxy(make_proxy, signer).start()
    for _ in range(10):
        assert once(proxy.address, request(target="/health")).status == 200
    assert proxy.stop() == 0
    public = signer.private.public_key().public_bytes_raw()
    head = json.loads(audit("verify", proxy.log.directory, "--json").stdout)["logs"][0]
    assert base64.b64decode(head["vkey"].split("+", 2)[2]) == b"\x01" + public
    assert head["verdict"] == "holds" and head["epochs"] == 1
    # The state says the last size, durably and apart from the log.
    origin, last, _, epoch = signer.state.read_text().splitlines()[1].split(" ")
    assert origin == head["origin"] and int(last) == head["size"] and epoch == "1"


def test_while_the_signer_is_away_records_are_durable(make_proxy, signer):
    proxy = signed_proxy(make_proxy, signer).start()
    once(proxy.address, request(target="/health"))
    signer.kill()
    receipts = [once(proxy.address, request(target="/health")).receipt for _ in range(20)]
    for receipt in receipts:
        proxy.log.wait_for(receipt)
    before = size(proxy)
    signer.start()
    until(lambda: size(proxy) > before + 19, "signed again")
    # A signer that hangs keeps nobody waiting for long either.
    os.kill(signer.process.pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            assert once(proxy.address, request(target="/health")).status == 200
    finally:
        os.kill(signer.process.pid, signal.SIGCONT)
    assert proxy.stop() == 0, "".join(proxy.lines)
    assert audit("verify", proxy.log.directory).returncode == 0


def test_it_answers_exact_messages_of_its_logs_only(signer):
    origin, root = "log.test/one/0123456789abcdef", base64.b64encode(bytes(32)).decode()
    good = f"checkpoint\n{origin}\n3\n{root}\n"
    assert signer.ask(good).startswith("ok\n")
    for message, why in [
            (good + "extension\n", "malformed"), (good[:-1], "malformed"),
            (good.replace("3", "03"), "malformed"), ("checkpoint\n" + origin + "\n", "malformed"),
            (good.replace("log.test", "log.tesu"), "origin"),
            (good.replace("cdef", "cdeg"), "origin"), ("sign\nanything\n", "malformed"),
            (good.encode() + b"\xff\n", "malformed"),
            ("epoch\nsallyport epoch key v1\n", "malformed"),
            (f"epoch\nsallyport epoch key v1\n{origin}\n{'0' * 16}\n1\n2\n{root}\n", "fork")]:
        assert signer.ask(message) == f"refused\n{why}\n", message
    with pytest.raises(OSError):
        reply = signer.ask("key\n" + "x" * 5000 + "\n")
        if not reply:
            raise ConnectionResetError
    # It lives on.
    public = signer.ask(f"key\n{origin}\n").split("\n")[1]
    assert base64.b64decode(public) == signer.private.public_key().public_bytes_raw()


def test_a_signature_is_the_keys(signer):
    origin, root = "log.test/one/0123456789abcdef", base64.b64encode(bytes(32)).decode()
    text = f"{origin}\n3\n{root}\n"
    reply = signer.ask("checkpoint\n" + text).split("\n")
    signer.private.public_key().verify(base64.b64decode(reply[1]), text.encode())
    key = base64.b64encode(b"k" * 32).decode()
    text = f"sallyport epoch key v1\n{origin}\n{'0' * 16}\n1\n3\n{key}\n"
    reply = signer.ask("epoch\n" + text).split("\n")
    signer.private.public_key().verify(base64.b64decode(reply[1]), text.encode())


def test_what_it_is_given_is_looked_at(signer, tmp_path):
    def refused(*command) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        return done.stderr

    other = Signer(tmp_path / "other")
    other.key.chmod(0o640)
    assert "chmod 600" in refused(*other.command())
    other.key.chmod(0o600)
    other.key.write_text("no key")
    assert "not an unencrypted private key" in refused(*other.command())
    other.key.write_bytes(signer.key.read_bytes())
    other.state.write_text("nothing of ours\n")
    assert "the state can't be read" in refused(*other.command())
    other.state.unlink()
    other.socket = signer.socket
    assert "bind" in refused(*other.command())
    # The socket is for its own user, and a core dump has no key in it.
    assert stat.S_IMODE(signer.socket.stat().st_mode) == 0o600
    assert Path(f"/proc/{signer.process.pid}/status").exists()
    assert os.stat(f"/proc/{signer.process.pid}/mem").st_uid == 0


def test_another_user_is_turned_away(tmp_path):
    signer = Signer(tmp_path / "strict").start("--allow-uid", str(os.getuid() + 1))
    try:
        with pytest.raises((OSError, AssertionError)):
            assert signer.ask("key\nlog.test/one/0123456789abcdef\n")
        until(lambda: any("refused a process of user" in line for line in signer.lines), "told")
    finally:
        assert signer.stop() == 0


def test_a_start_waits_for_a_signer_and_not_for_ever(make_proxy, tmp_path):
    signer = Signer(tmp_path / "late")
    proxy = signed_proxy(make_proxy, signer)
    with pytest.raises(RuntimeError, match="signer can't be reached"):
        proxy.start()
    starting = threading.Thread(target=signer.start)
    starting.start()
    try:
        proxy.start()
        assert proxy.stop() == 0
    finally:
        starting.join()
        signer.stop()
