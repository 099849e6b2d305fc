"""Bytes over TLS on both sides: slow peers, cut records, ends at every point, and idle costs."""

import ctypes
import os
import socket
import ssl
import struct
import threading
import time
from pathlib import Path

import pytest

from harness.client import Client, chunked, once, request
from harness.stopped import StoppedWriter
from harness.tls import TLSClient, V12, V13, Wire, context_of
from harness.upstream import Upstream
from harness.waiting import until
from harness.wire import WAIT, Port, Reader

MANY = bytes(range(251)) * 16_000  # 4 MB
RESET = struct.pack("ii", 1, 0)


class TLSUpstream(Upstream):
    """An upstream over TLS; `greet` says how a connection begins."""

    def __init__(self, identity, version=V13):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = self.context.maximum_version = version
        self.context.load_cert_chain(identity.cert_file, identity.key_file)
        self.small_buffers = False
        super().__init__()

    def _serve(self, sock, number):
        if self.small_buffers:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        try:
            secure = self.context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        except OSError:
            sock.close()
            return
        super()._serve(secure, number)


@pytest.fixture(params=[V12, V13], ids=["1.2", "1.3"])
def version(request):
    return request.param


@pytest.fixture
def secure_upstream(pki, version):
    upstream = TLSUpstream(pki.ec, version)
    yield upstream
    upstream.close()
    assert not upstream.failures, upstream.failures


@pytest.fixture
def both(make_proxy, secure_upstream, pki):
    """TLS on both sides, one worker."""
    return make_proxy(
        workers=1, listeners={"public": {"address": "127.0.0.1:0", "tls": {
            "certificates": [pki.ec.settings]}}},
        upstreams={"main": {
            "endpoints": [f"https://127.0.0.1:{secure_upstream.port}"],
            "tls": {"ca": str(pki.root_file)},
            "timeouts": {"connect": "2s", "response": "10s", "stall": "10s"}}})


@pytest.fixture
def trusting(pki, version):
    return context_of(str(pki.root_file), minimum=version, maximum=version)


def slowly(sock, step: int = 30_000, pause: float = 0.002) -> bytes:
    """Everything until the other side's end, which must be a close_notify."""
    whole = bytearray()
    try:
        while piece := sock.recv(step):
            whole += piece
            time.sleep(pause)
    except OSError as error:
        raise AssertionError(f"{error} after {len(whole)} bytes") from None
    return bytes(whole)


def narrow(address, context) -> TLSClient:
    """A client whose kernel holds little, so that the proxy is blocked often."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(WAIT)
    plain.connect(address)
    client = TLSClient.__new__(TLSClient)
    client.sock = context.wrap_socket(
        plain, server_hostname="api.test", suppress_ragged_eofs=False)
    client.port = Port(client.sock.getsockname()[1])
    client.reader = Reader(client.sock)
    return client


def cpu(pid: int) -> float:
    """Seconds of processor time used by the process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def assert_idle(proxy, seconds: float = 1.0) -> None:
    time.sleep(0.1)
    before = cpu(proxy.pid)
    time.sleep(seconds)
    used = cpu(proxy.pid) - before
    assert used < 0.25 * seconds, f"{used} s of {seconds} s"


# ---- whole bodies


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("ends", [True, False], ids=["last", "kept"])
def test_a_slow_client_gets_all_of_an_answer(both, secure_upstream, trusting, framing, ends):
    """Whatever ciphertext the kernel has not taken yet must not be lost with the last byte."""
    @secure_upstream.on("/open/large")
    def answer(exchange):
        exchange.read()
        if framing == "length":
            exchange.respond(MANY)
        elif framing == "chunked":
            exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                          + chunked(*[MANY[at:at + 70_001] for at in range(0, len(MANY), 70_001)]))
        else:
            exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + MANY)
            exchange.sock = exchange.sock.unwrap()
        return False

    fields = {"Connection": "close"} if ends else {}
    with narrow(both.address, trusting) as client:
        client.send(request(target="/open/large", fields=fields))
        response = client.response_head()
        body = client.body_of(response, "GET")
        got = bytearray()
        for number, piece in enumerate(body.pieces()):
            got += piece
            if number % 8 == 0:
                time.sleep(0.002)
        assert bytes(got) == MANY
        assert both.record(response)["outcome"] == "allow"


def held_for(client) -> int:
    """Bytes that the kernel holds on the way to a client that reads nothing."""
    local, remote = client.sock.getsockname()[1], client.sock.getpeername()[1]
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = tuple(int(field.split(":")[1], 16) for field in fields[1:3])
        sending, receiving = (int(part, 16) for part in fields[4].split(":"))
        if ports == (remote, local):
            total += sending
        elif ports == (local, remote):
            total += receiving
    return total


def test_an_answers_last_bytes_wait_for_a_client_that_reads_late(both, secure_upstream, trusting):
    """The upstream's end is no reason to close while the kernel has not taken everything."""
    @secure_upstream.on("/open/late")
    def answer(exchange):
        size = int(exchange.target.partition("?")[2])
        exchange.respond(MANY[:1000] * (size // 1000), fields="Connection: close\r\n")
        # The proxy has everything, and hears of the end when it waits for its client.
        time.sleep(0.3)
        return False

    def begin(size):
        client = narrow(both.address, trusting)
        client.send(request(target=f"/open/late?{size}", fields={"Connection": "close"}))
        return client

    with begin(16_000_000) as client:
        time.sleep(0.5)
        held = held_for(client)
    # One of these leaves a part of the last write behind.
    sizes = range(held // 1000 * 1000 - 30_000, held + 30_000, 2000)
    clients = [begin(size) for size in sizes]
    time.sleep(1.5)
    cut = {}
    for client, size in zip(clients, sizes):
        try:
            body = slowly(client.sock, 1 << 20, 0).partition(b"\r\n\r\n")[2]
            if body != MANY[:1000] * (size // 1000):
                cut[size] = len(body)
        except AssertionError as error:
            cut[size] = str(error)
        client.sock.close()
    assert not cut


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_slow_upstream_gets_all_of_an_upload(both, secure_upstream, trusting, framing):
    secure_upstream.small_buffers = True
    got = []

    @secure_upstream.on("/open/up")
    def answer(exchange):
        whole = bytearray()
        for number, piece in enumerate(exchange.body.pieces()):
            whole += piece
            if number % 16 == 0:
                time.sleep(0.002)
        got.append(bytes(whole))
        exchange.content = b""
        exchange.respond(b"done")

    with TLSClient(both.address, trusting) as client:
        for _ in range(2):
            if framing == "length":
                data = request("PUT", "/open/up", body=MANY)
            else:
                data = request("PUT", "/open/up", fields={"Transfer-Encoding": "chunked"}) + \
                    chunked(*[MANY[at:at + 33_333] for at in range(0, len(MANY), 33_333)],
                            trailers=b"X-Sum: 1\r\n")
            assert client.ask(data, "PUT").body == b"done"
    assert got == [MANY, MANY]


def test_both_ways_at_once(both, secure_upstream, trusting):
    """The upstream echoes while the request still comes."""
    @secure_upstream.on("/open/echo")
    def answer(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in exchange.body.pieces():
            exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        exchange.content = b""
        exchange.send(b"0\r\n\r\n")

    with TLSClient(both.address, trusting) as plain:
        # Python's sockets of TLS are not for two threads: the client pumps on its own.
        plain.sock.setblocking(False)
        data, sent, got = request("PUT", "/open/echo", body=MANY), 0, bytearray()
        deadline = time.monotonic() + 60
        while not got.endswith(b"\r\n0\r\n\r\n") and time.monotonic() < deadline:
            moved = False
            try:
                if sent < len(data):
                    sent += plain.sock.send(data[sent:sent + 50_000])
                    moved = True
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            try:
                got += plain.sock.recv(65536)
                moved = True
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            if not moved:
                time.sleep(0.001)
    body = bytes(got).partition(b"\r\n\r\n")[2]
    whole = bytearray()
    while True:
        line, _, body = body.partition(b"\r\n")
        if (size := int(line, 16)) == 0:
            break
        whole += body[:size]
        body = body[size + 2:]
    assert bytes(whole) == MANY


def test_pipelined_requests_in_one_record_and_cut_into_bytes(both, trusting):
    asked = [request("PUT", f"/open/{number}", body=b"x" * number) for number in range(1, 200)]
    with TLSClient(both.address, trusting) as client:
        client.send(b"".join(asked))
        for number in range(1, 200):
            assert b'"size": %d' % number in client.response().body
    wire = Wire(trusting)
    with socket.create_connection(both.address, WAIT) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send(data):
            for at in range(0, len(data), 7):
                sock.sendall(data[at:at + 7])

        send(wire.hello())
        wire.finish(sock, send)
        wire.ssl.write(b"".join(asked[:3]))
        records = wire.outgoing.read()
        for at in range(len(records)):
            sock.sendall(records[at:at + 1])
            if at % 64 == 0:
                time.sleep(0.001)
        got = b""
        while got.count(b'"size"') < 3:
            got += wire.read(sock)


def test_continue_and_trailers(both, secure_upstream, trusting):
    @secure_upstream.on("/open/trailers")
    def answer(exchange):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        content = exchange.read()
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
                      + chunked(content, trailers=b"X-End: yes\r\n"))

    with TLSClient(both.address, trusting) as client:
        for _ in range(3):
            client.send(request("PUT", "/open/trailers", fields={
                "Expect": "100-continue", "Content-Length": "300000", "TE": "trailers"}))
            assert client.head().line.startswith("HTTP/1.1 100")
            response = client.send(MANY[:300_000]).response("PUT")
            assert response.body == MANY[:300_000]
            assert ("X-End", "yes") in response.trailers


# ---- ends and breaks


def test_an_early_answer_of_an_upstream_that_stops_reading(both, secure_upstream, trusting):
    """Its answer decides, also when the request could not be sent to the end."""
    @secure_upstream.on("/open/early")
    def answer(exchange):
        exchange.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n"
                      b"Connection: close\r\n\r\nbig")
        return False

    for _ in range(5):
        with TLSClient(both.address, trusting) as client:
            try:
                client.send(request("PUT", "/open/early", body=MANY))
            except OSError:
                pass
            response = client.response("PUT")
            assert (response.status, response.body) == (413, b"big")


def test_an_idle_upstream_that_closes_is_not_used_again(both, secure_upstream, trusting):
    connections = []

    @secure_upstream.on("/open/once")
    def answer(exchange):
        connections.append(exchange.connection)
        exchange.respond(b"once")
        return False

    with TLSClient(both.address, trusting) as client:
        for _ in range(30):
            assert client.ask(request(target="/open/once")).body == b"once"
    assert len(set(connections)) == 30


@pytest.mark.parametrize("cut", ["at once", "hello", "half a flight", "flight", "garbage"])
def test_an_upstream_that_breaks_off_its_handshake(make_proxy, pki, cut):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.ec.cert_file, pki.ec.key_file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            for number in range(8):
                try:
                    sock, _ = listener.accept()
                    with sock:
                        if cut != "at once":
                            hello = sock.recv(16384)
                            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                            server = context.wrap_bio(incoming, outgoing, server_side=True)
                            incoming.write(hello)
                            try:
                                server.do_handshake()
                            except ssl.SSLWantReadError:
                                pass
                            flight = outgoing.read()
                            if cut == "half a flight":
                                sock.sendall(flight[:len(flight) // 2])
                            elif cut == "flight":
                                sock.sendall(flight)
                            elif cut == "garbage":
                                sock.sendall(flight[:200] + os.urandom(600))
                        if number % 2:
                            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        proxy = make_proxy(workers=1, upstreams={"main": {
            "endpoints": [f"https://127.0.0.1:{listener.getsockname()[1]}"],
            "tls": {"ca": str(pki.root_file)},
            "timeouts": {"connect": "2s", "response": "2s", "stall": "2s"}}})
        for _ in range(4):
            response = once(proxy.address, request(target="/open/cut"))
            assert response.status == 502, response.body
            assert proxy.record(response)["outcome"] == "error"
        assert_idle(proxy, 0.5)


def test_a_client_that_goes_during_its_upstreams_handshake(make_proxy, pki):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        proxy = make_proxy(workers=1, upstreams={"main": {
            "endpoints": [f"https://127.0.0.1:{listener.getsockname()[1]}"],
            "tls": {"ca": str(pki.root_file)},
            "timeouts": {"connect": "5s", "response": "5s", "stall": "5s"}}})
        listener.settimeout(WAIT)
        for _ in range(10):
            client = Client(proxy.address)
            client.send(request(target="/open/gone"))
            upstream, _ = listener.accept()
            upstream.recv(16384)
            port = client.port
            client.reset()
            upstream.settimeout(WAIT)
            assert upstream.recv(16384) == b""
            upstream.close()
            assert proxy.log.of(port)[0].core["reason"] == "client.closed_early"
        assert once(proxy.address, request(target="/health")).status == 200


def test_a_client_that_breaks_off_at_each_point(both, trusting):
    """After so many bytes of hello, handshake and request: with an end, a reset, or silence."""
    silent = []
    for count in [0, 1, 4, 5, 6, 100, 200]:
        for end in ["end", "reset", "silence"]:
            sock = socket.create_connection(both.address, WAIT)
            sock.sendall(Wire(trusting).hello()[:count])
            if end == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            if end == "silence":
                silent.append(sock)
            else:
                sock.close()
    for end in ["end", "reset", "half", "silence"]:
        for cut in [0, 3, 30]:
            wire = Wire(trusting)
            sock = socket.create_connection(both.address, WAIT)
            sock.sendall(wire.hello())
            wire.finish(sock, sock.sendall)
            wire.ssl.write(request(target="/open/cut"))
            sock.sendall(wire.outgoing.read()[:cut])
            if end == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            if end == "half":
                sock.shutdown(socket.SHUT_WR)
            if end in ("silence", "half"):
                silent.append(sock)
            else:
                sock.close()
    assert_idle(both)
    with TLSClient(both.address, trusting) as client:
        assert client.ask(request(target="/open/after")).status == 200
    for sock in silent:
        sock.close()


def test_data_behind_a_close_notify_is_not_heard(both, trusting):
    wire = Wire(trusting)
    with socket.create_connection(both.address, WAIT) as sock:
        sock.sendall(wire.hello())
        wire.finish(sock, sock.sendall)
        wire.ssl.write(request(target="/open/one"))
        records = wire.outgoing.read()
        try:
            wire.ssl.unwrap()
        except ssl.SSLWantReadError:
            pass
        ending = wire.outgoing.read()
        # The answer to what came before the end is given.
        sock.sendall(records + ending + records)
        got = b""
        try:
            while True:
                got += wire.read(sock)
        except (ssl.SSLError, ConnectionError):
            pass
        assert got.count(b"HTTP/1.1 200") == 1, got


def test_a_client_that_ends_its_sending_still_gets_the_answer(both, secure_upstream, trusting):
    @secure_upstream.on("/open/patient")
    def answer(exchange):
        time.sleep(0.3)
        exchange.respond(MANY[:500_000])

    with TLSClient(both.address, trusting) as client:
        client.send(request(target="/open/patient"))
        # TCP's end, without TLS's.
        os_level = socket.socket(fileno=os.dup(client.sock.fileno()))
        os_level.shutdown(socket.SHUT_WR)
        os_level.close()
        assert client.response().body == MANY[:500_000]


# ---- costs of doing nothing, floods


def updates(secure, outgoing, count: int) -> bytes:
    """Records that change our key and ask the peer to change its own; Python has no call for it."""
    library = ctypes.CDLL("libssl.so.3")
    # CPython's object: its head, the socket's reference, then the `SSL *`.
    inner = ctypes.c_void_p.from_address(id(secure._sslobj) + object.__basicsize__ + 8)
    records = []
    for _ in range(count):
        assert library.SSL_key_update(inner, 1) == 1
        assert library.SSL_do_handshake(inner) == 1
        records.append(outgoing.read())
    return b"".join(records)


@pytest.fixture
def modern(pki):
    return context_of(str(pki.root_file), minimum=V13)


def shaken(address, context) -> tuple[Wire, socket.socket]:
    wire = Wire(context)
    sock = socket.create_connection(address, WAIT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(wire.hello())
    wire.finish(sock, sock.sendall)
    return wire, sock


@pytest.mark.parametrize("count", [1, 31, 700, 1900])
def test_keys_are_changed_as_often_as_a_client_asks(tls_proxy, modern, count):
    """More than fits one read, with the request behind them or in pieces between them."""
    wire, sock = shaken(tls_proxy.addresses["secure"], modern)
    with sock:
        data = request(target="/health")
        flood = updates(wire.ssl, wire.outgoing, count)
        wire.ssl.write(data[:10])
        flood += wire.outgoing.read() + updates(wire.ssl, wire.outgoing, count)
        wire.ssl.write(data[10:])
        sock.sendall(flood + wire.outgoing.read())
        assert wire.read(sock).startswith(b"HTTP/1.1 200")
    assert_idle(tls_proxy, 0.5)


def test_a_client_that_asks_for_keys_and_reads_nothing_costs_no_memory(make_proxy, modern, pki):
    proxy = make_proxy(workers=1, listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [pki.ec.settings]}}})
    wire, sock = shaken(proxy.address, modern)
    before = proxy.memory()
    with sock:
        sock.settimeout(1)
        for _ in range(40):
            sock.sendall(updates(wire.ssl, wire.outgoing, 100))
        with TLSClient(proxy.address, modern) as client:
            assert client.ask(request(target="/health")).status == 200
        assert_idle(proxy, 0.5)
    assert proxy.memory() - before < 1 << 20


@pytest.mark.parametrize("when", ["within", "behind", "idle", "unread"])
def test_an_upstream_that_changes_its_keys(make_proxy, pki, when):
    """In an answer, behind it, and on a connection that waits for the next request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.ec.cert_file, pki.ec.key_file)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"

    def serve(sock):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(incoming, outgoing, server_side=True)

        def step(call):
            while True:
                try:
                    done = call()
                    sock.sendall(outgoing.read())
                    return done
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    piece = sock.recv(65536)
                    if not piece:
                        raise ConnectionError from None
                    incoming.write(piece)

        try:
            step(secure.do_handshake)
            while step(lambda: secure.read(65536)):
                if when == "within":
                    secure.write(answer[:20])
                    data = outgoing.read() + updates(secure, outgoing, 40)
                    secure.write(answer[20:])
                    sock.sendall(data + outgoing.read())
                elif when == "unread":
                    secure.write(answer)
                    sock.sendall(outgoing.read() + updates(secure, outgoing, 1900))
                else:
                    secure.write(answer)
                    data = outgoing.read()
                    if when == "behind":
                        data += updates(secure, outgoing, 40)
                    sock.sendall(data)
                    if when == "idle":
                        time.sleep(0.05)
                        sock.sendall(updates(secure, outgoing, 40))
        except (OSError, ssl.SSLError):
            pass
        finally:
            sock.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        def accept():
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        proxy = make_proxy(workers=1, upstreams={"main": {
            "endpoints": [f"https://127.0.0.1:{listener.getsockname()[1]}"],
            "tls": {"ca": str(pki.root_file)},
            "timeouts": {"connect": "2s", "response": "2s", "stall": "2s"}}})
        with Client(proxy.address) as client:
            for _ in range(6):
                response = client.ask(request(target="/open/keys"))
                assert (response.status, response.body) == (200, b"body")
                time.sleep(0.15)
        assert_idle(proxy, 0.5)
        proxy.stop()




def test_a_handshake_flood_leaves_a_record_for_each(make_proxy, secure_upstream, pki):
    proxy = make_proxy(workers=1, listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [pki.ec.settings], "client_ca": str(pki.client_root_file),
        "client_auth": "require"}}})
    hello = Wire(context_of()).hello()
    flaws = [b"GET / HTTP/1.1\r\n\r\n", os.urandom(64), hello[:-1] + b"\0" * 40,
             hello + b"\x17\x03\x03\x00\x02ab"]
    before = None
    count = 2000
    for number in range(count):
        with socket.create_connection(proxy.address, WAIT) as sock:
            sock.sendall(flaws[number % len(flaws)])
            sock.settimeout(WAIT)
            sock.shutdown(socket.SHUT_WR)
            try:
                while sock.recv(65536):
                    pass
            except ConnectionError:
                pass
        if number == 500:
            before = proxy.memory()
    assert proxy.memory() - before < 4 << 20
    until(lambda: len(proxy.log.handshakes()) == count, "a record for each")


def test_idle_peers_cost_nothing(both, secure_upstream, trusting):
    held = []
    for _ in range(20):
        client = TLSClient(both.address, trusting)
        assert client.ask(request(target="/open/idle")).status == 200
        held.append(client)
    # Half a record, and nothing more.
    for _ in range(5):
        client = TLSClient(both.address, trusting)
        raw = socket.socket(fileno=os.dup(client.sock.fileno()))
        raw.sendall(b"\x17\x03\x03\x40\x00half")
        raw.close()
        held.append(client)
    assert_idle(both)
    for client in held:
        client.sock.close()


def test_a_stalled_exchange_costs_nothing(both, secure_upstream, trusting):
    """Both buffers are full and nobody reads."""
    @secure_upstream.on("/open/stalled")
    def answer(exchange):
        exchange.read()
        try:
            exchange.respond(MANY * 4)
        except OSError:
            pass

    with narrow(both.address, trusting) as client:
        client.send(request(target="/open/stalled"))
        client.response_head()
        time.sleep(0.5)
        assert_idle(both)


def test_a_drain_waits_for_a_handshake_and_stops(make_proxy, pki, upstream):
    proxy = make_proxy(workers=1, listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [pki.ec.settings], "handshake_timeout": "1s"}}})
    context = context_of(str(pki.root_file))
    wire = Wire(context)
    begun = socket.create_connection(proxy.address, WAIT)
    begun.sendall(wire.hello()[:50])
    silent = socket.create_connection(proxy.address, WAIT)
    with TLSClient(proxy.address, context) as client:
        client.ask(request(target="/open/x"))
    start = time.monotonic()
    proxy.terminate()
    assert proxy.wait() == 0
    assert time.monotonic() - start < 5
    begun.close()
    silent.close()


def test_handshakes_wait_while_the_log_is_behind(make_proxy, pki):
    """None that fails meanwhile goes unrecorded, none that can succeed is lost."""
    proxy = make_proxy(
        workers=1, audit={"bound": {"time": "200ms", "records": 65536}},
        listeners={"public": {"address": "127.0.0.1:0", "tls": {
            "certificates": [pki.ec.settings], "handshake_timeout": "2s"}}})
    context = context_of(str(pki.root_file))
    steady = TLSClient(proxy.address, context)
    steady.ask(request(target="/health"))
    with StoppedWriter(proxy.pid):
        steady.ask(request(target="/health"))
        time.sleep(0.4)
        flawed = [socket.create_connection(proxy.address, WAIT) for _ in range(100)]
        for sock in flawed:
            sock.sendall(b"\x16\x03\x01\x00\x05nothing that is TLS")
        wires = [Wire(context) for _ in range(10)]
        waiting = [socket.create_connection(proxy.address, WAIT) for _ in wires]
        for wire, sock in zip(wires, waiting):
            sock.sendall(wire.hello())
        assert_idle(proxy, 0.5)
    for wire, sock in zip(wires, waiting):
        wire.finish(sock, sock.sendall)
        wire.ssl.write(request(target="/health"))
        sock.sendall(wire.outgoing.read())
        assert wire.read(sock).startswith(b"HTTP/1.1 200")
        sock.close()
    until(lambda: len(proxy.log.handshakes()) == 100, "a record for each")
    assert {one["reason"] for one in proxy.log.handshakes()} == {"tls.malformed"}
    for sock in flawed:
        sock.close()
    steady.sock.close()


def test_slots_run_out_and_come_back(make_proxy, pki, upstream):
    """Handshakes that never end hold their slots for their time, and no longer."""
    secure = TLSUpstream(pki.ec)
    proxy = make_proxy(
        workers=1, limits={"connections": 64}, listeners={"public": {"address": "127.0.0.1:0", "tls": {
            "certificates": [pki.ec.settings], "handshake_timeout": "2s"}}},
        upstreams={"main": {"endpoints": [f"https://127.0.0.1:{secure.port}"],
                            "tls": {"ca": str(pki.root_file)}}})
    context = context_of(str(pki.root_file))
    silent = [socket.create_connection(proxy.address, WAIT) for _ in range(150)]
    assert_idle(proxy, 0.5)
    for sock in silent[75:]:
        sock.close()
    # Those that stay are given up in time, and make room.
    with TLSClient(proxy.address, context) as client:
        assert client.ask(request(target="/open/room")).status == 200
    for sock in silent:
        sock.close()
    secure.close()
