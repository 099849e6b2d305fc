"""The audit log's segments read from their specification, apart from the code under test.

`docs/audit-log-format.md` §2 and §3 are all that this file knows.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import zstandard

from .wire import WAIT, Port

KINDS = {1: "decision", 2: "completion", 3: "combined", 4: "authentication",
         5: "administration", 6: "lifecycle", 7: "gap", 8: "epoch_key", 9: "erasure",
         10: "access"}


def crc32c(data: bytes, table=[]) -> int:  # noqa: B006 the table is made once
    if not table:
        for value in range(256):
            for _ in range(8):
                value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
            table.append(value)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@dataclass
class Record:
    index: int
    kind: str
    entry: bytes
    parts: list[bytes]
    salts: list[bytes]

    @property
    def core(self) -> dict:
        return json.loads(self.parts[0])

    @property
    def subject(self) -> dict:
        return json.loads(self.parts[1]) if len(self.parts) > 1 else {}

    @property
    def detail(self) -> dict:
        return json.loads(self.parts[2]) if len(self.parts) > 2 else {}

    def commitment(self) -> bytes:
        hashes = [hashlib.sha256(b"\x10" + bytes([number]) + salt + part).digest()
                  for number, (salt, part) in enumerate(zip(self.salts, self.parts))]
        return hashlib.sha256(b"\x11" + bytes([len(hashes)]) + b"".join(hashes)).digest()


@dataclass
class Frame:
    offset: int
    type: int
    number: int
    clear: bytes
    sealed: bytes
    raw: bytes


def frames(data: bytes, check: bool = False):
    """The whole frames of a segment; what is torn at its end is left out."""
    offset = 0
    while offset + 64 <= len(data):
        if data[offset:offset + 4] != b"ALF1":
            return
        kind = data[offset + 4]
        number, clear, sealed, crc = struct.unpack_from(">QIII", data, offset + 8)
        size = (64 + clear + sealed + 7) & ~7
        raw = data[offset:offset + size]
        if len(raw) < size:
            return
        if check:
            body = raw[:24] + bytes(4) + raw[28:64 + clear + sealed]
            assert crc32c(body) == crc, f"CRC of frame {number}"
        yield Frame(offset, kind, number, raw[64:64 + clear],
                    raw[64 + clear:64 + clear + sealed], raw)
        offset += size


def records_of(frame: Frame) -> list[Record]:
    first, count = struct.unpack_from(">QI", frame.clear)
    entries = [frame.clear[28 + 36 * n:64 + 36 * n] for n in range(count)]
    data = zstandard.ZstdDecompressor().decompress(frame.sealed, max_output_size=1 << 28)
    out, at = [], 0
    for number in range(count):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 4 + length
        kind, parts_count = data[at + 4], data[at + 5]
        cursor, parts, salts = at + 6, [], []
        for _ in range(parts_count):
            salts.append(data[cursor:cursor + 16])
            (size,) = struct.unpack_from(">I", data, cursor + 16)
            parts.append(data[cursor + 20:cursor + 20 + size])
            cursor += 20 + size
        assert cursor == end, "a record's length"
        out.append(Record(first + number, KINDS.get(kind, str(kind)), entries[number],
                          parts, salts))
        at = end
    assert at == len(data)
    return out


def is_of(record: Record, port: Port) -> bool:
    return record.subject.get("peer_port") == port and record.core["ts"] >= port.since * 1e6


class Log:
    """The one log below an audit directory."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.cache: dict[tuple[str, int], list[Record]] = {}

    @property
    def folder(self) -> Path:
        folders = [path for path in self.directory.iterdir() if (path / "segments").is_dir()]
        assert len(folders) == 1, folders
        return folders[0]

    def segments(self) -> list[Path]:
        return sorted((self.folder / "segments").glob("*.alog"))

    def records(self) -> list[Record]:
        out = []
        for path in self.segments():
            for frame in frames(path.read_bytes()):
                if frame.type != 2:
                    continue
                key = (str(path), frame.offset)
                if key not in self.cache:
                    self.cache[key] = records_of(frame)
                out += self.cache[key]
        return out

    def requests(self) -> list[Record]:
        return [record for record in self.records()
                if record.kind in ("decision", "completion", "combined")]

    def where(self, test, count: int = 1, timeout: float = WAIT) -> list[Record]:
        """The request records for which `test` holds, once there are `count` of them."""
        end = time.monotonic() + timeout
        while True:
            found = [record for record in self.requests() if test(record)]
            if len(found) >= count:
                return found
            assert time.monotonic() < end, (
                f"{len(found)} of {count} records; the last: "
                f"{[record.core for record in self.requests()[-3:]]}")
            time.sleep(0.02)

    def wait_for(self, receipt: str, timeout: float = WAIT) -> dict:
        """The merged parts of the record that a receipt names."""
        log, boot, worker, sequence = receipt.split(".")
        assert log == self.folder.name, receipt

        def matches(record):
            core = record.core
            if record.kind == "decision" or (core["boot"], core["worker"]) != (boot, int(worker)):
                return False
            # A slow request's receipt names its decision, which the completion links to.
            return core.get("link", core["seq"]) == int(sequence)

        found = self.where(matches, timeout=timeout)
        assert len(found) == 1, f"{len(found)} records for one receipt"
        record = found[0]
        return {**record.core, "subject": record.subject, "detail": record.detail,
                "kind": record.kind, "index": record.index}

    def of(self, port: Port, count: int = 1) -> list[Record]:
        """The records of the requests on the connection from that port."""
        return self.where(lambda record: is_of(record, port), count)

    def handshakes(self, port: Port | None = None) -> list[dict]:
        """The records of handshakes that failed, of the client at that port."""
        return [{**record.core, "subject": record.subject}
                for record in self.records() if record.kind == "authentication"
                and (port is None or is_of(record, port))]

    def failed_handshake(self, port: Port, timeout: float = WAIT) -> dict:
        """The one record of the handshake that the client at that port could not finish."""
        end = time.monotonic() + timeout
        while not (found := self.handshakes(port)):
            assert time.monotonic() < end, (
                f"no record of port {port}; the last: {self.handshakes()[-3:]}")
            time.sleep(0.02)
        assert len(found) == 1, found
        return found[0]

    def events(self, name: str, timeout: float = WAIT) -> list[dict]:
        """The lifecycle records of this event, once there is one."""
        end = time.monotonic() + timeout
        while True:
            found = [record.core for record in self.records() if record.kind == "lifecycle"
                     and record.core.get("event") == name]
            if found:
                return found
            assert time.monotonic() < end, f"no {name} in the log"
            time.sleep(0.02)

    def everything(self) -> bytes:
        """All that the log says: raw files, and what their sealed parts hold."""
        raw = b"".join(path.read_bytes() for path in sorted(self.directory.rglob("*"))
                       if path.is_file())
        return raw + b"\n".join(part for record in self.records() for part in record.parts)
