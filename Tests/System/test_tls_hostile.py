"""Peers that know TLS well and mean harm, and those that merely use all of it."""

import os
import struct
import subprocess
import time
from pathlib import Path

import pytest

from harness.client import Client, request
from harness.tls import V12, V13, TLSClient, Wire, ask, context_of


def at(proxy):
    return proxy.addresses["secure"]


def processor_seconds(proxy) -> float:
    words = Path(f"/proc/{proxy.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def message_of(records: bytes) -> bytes:
    message = b""
    while records:
        (length,) = struct.unpack_from(">H", records, 3)
        message, records = message + records[5:5 + length], records[5 + length:]
    return message


def records_of(message: bytes, size: int) -> bytes:
    pieces = [message[start:start + size] for start in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(piece)) + piece for piece in pieces)


def padded(message: bytes, size: int) -> bytes:
    """The ClientHello with unknown extensions of `size` bytes in all behind its own."""
    body = message[4:]
    start = 34 + 1 + body[34]
    start += 2 + struct.unpack_from(">H", body, start)[0]
    start += 1 + body[start]
    extensions = body[start + 2:]
    for number in range(0, size, 10000):
        extensions += struct.pack(">HH", 0x5000 + number // 10000, 9996) + bytes(9996)
    body = body[:start] + struct.pack(">H", len(extensions)) + extensions
    return b"\x01" + len(body).to_bytes(3, "big") + body


@pytest.mark.parametrize("size", [10000, 60000])
def test_a_large_hello_is_read(tls_proxy, size):
    message = padded(message_of(Wire(context_of()).hello()), size)
    with Client(at(tls_proxy)) as client:
        client.send(records_of(message, 16000))
        # A ServerHello: what comes behind it can't be known, for the message was changed.
        assert client.reader.take(6)[:1] == b"\x16"


def test_a_hello_in_records_of_one_byte(tls_proxy):
    with Client(at(tls_proxy)) as client:
        client.send(records_of(message_of(Wire(context_of()).hello()), 1))
        assert client.reader.take(6)[:1] == b"\x16"


def test_a_hello_larger_than_any_is_refused(tls_proxy):
    with Client(at(tls_proxy)) as client:
        client.send(records_of(b"\x01" + (200_000).to_bytes(3, "big") + bytes(200_000), 16000))
        client.reader.rest()
        record = tls_proxy.log.failed_handshake(client.port)
    assert record["reason"] == "tls.malformed"


@pytest.mark.parametrize("record", [
    b"\x16\x03\x01\x00\x00", b"\x15\x03\x03\x00\x02\x01\x5a", b"\x14\x03\x03\x00\x01\x01"],
    ids=["empty", "warnings", "change-cipher-spec"])
@pytest.mark.parametrize("after_hello", [False, True])
def test_a_flood_of_records_ends_the_handshake(tls_proxy, record, after_hello):
    with Client(at(tls_proxy)) as client:
        try:
            if after_hello:
                client.send(Wire(context_of()).hello())
            for _ in range(100):
                client.send(record * 2000)
            client.reader.rest()
        except OSError:
            pass
        said = tls_proxy.log.failed_handshake(client.port)
    assert said["reason"] in ("tls.malformed", "tls.handshake_abandoned")
    assert ask(at(tls_proxy), context_of())[0].status == 200


def test_a_flood_of_key_updates_harms_nobody(tls_proxy):
    address = at(tls_proxy)
    with subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-tls1_3"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while b"Verify return code" not in process.stdout.readline():
            pass
        began = processor_seconds(tls_proxy)
        for _ in range(100):
            try:
                process.stdin.write(b"K\n")
                process.stdin.flush()
            except OSError:
                break
            assert ask(address, context_of(), request(target="/health"))[0].status == 200
        assert processor_seconds(tls_proxy) - began < 5
        process.kill()


def test_a_client_that_never_reads_waits_alone(tls_proxy):
    """Its answers fill the socket's buffers; then the worker sleeps."""
    with TLSClient(at(tls_proxy), context_of(), timeout=1) as client:
        before = tls_proxy.memory()
        with pytest.raises(TimeoutError):
            while True:
                client.sock.sendall(request(target="/health") * 200)
        assert tls_proxy.memory() - before < 32 << 20
        time.sleep(0.5)
        began = processor_seconds(tls_proxy)
        time.sleep(1)
        assert processor_seconds(tls_proxy) - began < 0.2
        assert ask(at(tls_proxy), context_of())[0].status == 200


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("target", ["/health", "/open/x"])
def test_a_client_that_has_said_all_is_answered(tls_proxy, version, target):
    """`close_notify` ends one direction alone (RFC 8446 §6.1)."""
    wire = Wire(context_of(minimum=version, maximum=version))
    with Client(at(tls_proxy)) as client:
        wire.finish(client.sock, lambda data: data and client.sock.sendall(data))
        wire.ssl.write(request(target=target))
        try:
            wire.ssl.unwrap()
        except OSError:
            pass  # it waits for the other side's
        client.send(wire.outgoing.read())
        client.shut_sending()
        wire.incoming.write(client.reader.rest())
        assert wire.ssl.read(65536).startswith(b"HTTP/1.1 200 OK\r\n")
