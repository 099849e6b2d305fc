"""Epoch keys as docs/audit-log-format.md §4 defines them, followed with `cryptography` alone."""

import base64
import hashlib
import json
import shutil
import struct
import subprocess

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from harness.client import once, request
from harness.logfile import frames, records_of
from harness.proxy import audit


def signatures(note: bytes) -> tuple[bytes, dict[str, bytes]]:
    """A signed note's text, and key id and signature by key name."""
    text, _, lines = note.rpartition(b"\n\n")
    found = [line.removeprefix("\u2014 ").split(" ") for line in lines.decode().splitlines()]
    assert len(found) == len({name for name, _ in found}), "one line for each key"
    return text + b"\n", {name: base64.b64decode(value) for name, value in found}


def check(name: str, public: bytes, signed: bytes, text: bytes) -> None:
    assert signed[:4] == hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public).verify(signed[4:], text)


class Chain:
    """The epochs of one log, one frame after the other."""

    def __init__(self):
        self.origin = self.identity = self.boot = None
        self.size = self.count = self.checkpoints = 0
        self.epoch: tuple[str, bytes] | None = None
        self.epoch_boot = None

    def head(self, head: dict) -> None:
        self.origin, self.boot = head["origin"], head["boot"]
        self.identity = base64.b64decode(head["vkey"].split("+", 2)[2])[1:]

    def batch(self, clear: bytes, sealed: bytes, frame) -> None:
        first, count = struct.unpack_from(">QI", clear)
        assert first == self.size
        kinds = [clear[28 + 36 * place + 3] for place in range(count)]
        account = clear[28 + 36 * count:]
        if account:
            certificates = json.loads(account).get("epochs", [])
        else:
            certificates = [record.core["epoch"] for record in records_of(frame)
                            if record.kind == "epoch_key"]
        places = [first + place for place, kind in enumerate(kinds) if kind == 8]
        assert len(places) == len(certificates)
        for index, certificate in zip(places, certificates):
            self.begin(index, certificate)
        self.size = first + count

    def begin(self, index: int, said: dict) -> None:
        self.count += 1
        assert said["number"] == self.count and said["first"] == index
        before = (self.epoch if self.epoch_boot == self.boot else (self.origin, self.identity))
        assert said["signer"] == before[0]
        text = "\n".join(["sallyport epoch key v1", self.origin, self.boot, str(said["number"]),
                          str(index), said["key"], ""]).encode()
        Ed25519PublicKey.from_public_bytes(before[1]).verify(
            base64.b64decode(said["signature"]), text)
        self.epoch = f"{self.origin}/e{self.count}", base64.b64decode(said["key"])
        self.epoch_boot = self.boot

    def checkpoint(self, note: bytes) -> None:
        text, lines = signatures(note)
        assert text.splitlines()[1] == str(self.size).encode()
        check(self.origin, self.identity, lines[self.origin], text)
        name, key = self.epoch
        check(name, key, lines[name], text)
        assert set(lines) == {self.origin, name}
        with pytest.raises(InvalidSignature):
            check(name, key, lines[name], text + b"x\n")
        self.checkpoints += 1


def follow(log) -> Chain:
    chain = Chain()
    for path in log.segments():
        for frame in frames(path.read_bytes()):
            if frame.type == 1:
                chain.head(json.loads(frame.clear))
            elif frame.type == 2:
                chain.batch(frame.clear, frame.sealed, frame)
            elif frame.type == 3:
                chain.checkpoint(frame.clear)
    return chain


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_third_party_follows_the_epochs(make_proxy, tmp_path, encrypted):
    options = {"epoch": "1s"}
    if encrypted:
        if shutil.which("age-keygen") is None:
            pytest.skip("age is not installed")
        key = tmp_path / "auditor.txt"
        subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
        options["recipients"] = [subprocess.run(
            ["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()]
    proxy = make_proxy(audit=options)
    for _ in range(2):
        # Until an epoch has followed the boot's first one.
        before = follow(proxy.log).count
        for _ in range(400):
            once(proxy.address, request(target="/health"))
            if follow(proxy.log).count > before + 1:
                break
        assert proxy.stop() == 0
        proxy.start()
    proxy.kill()
    proxy.start()
    assert proxy.stop() == 0
    chain = follow(proxy.log)
    assert chain.count >= 6 and chain.checkpoints >= 6
    said = json.loads(audit("verify", proxy.log.directory, "--json").stdout)["logs"][0]
    assert said["verdict"] == "holds"
    assert said["epochs"] == chain.count and said["epochs_from"] == 1
    assert "epoch keys, from record 1 on" in audit("verify", proxy.log.directory).stdout
