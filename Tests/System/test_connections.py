"""Pipelining, reuse, times, clients that leave, large bodies, drain."""

import hashlib
import json
import threading
import time

import pytest

from harness.client import Client, Closed, chunked, once, request

MIB = 1 << 20


def test_pipelined_requests_are_answered_in_order(proxy, upstream):
    with Client(proxy.address) as client:
        client.send(b"".join(request(target=f"/open/turn/{n}") for n in range(20)))
        for turn in range(20):
            assert json.loads(client.response().body)["line"].startswith(
                f"GET /open/turn/{turn} ")


def test_pipelined_bodies_and_refusals_keep_their_order(proxy, upstream):
    with Client(proxy.address) as client:
        client.send(
            request("POST", "/open/one", body=b"first body") + request(target="/secure/x")
            + request("POST", "/open/two", {"Transfer-Encoding": "chunked"})
            + chunked(b"second", b" body") + request(target="/health")
            + request("POST", "/nowhere", body=b"dropped") + request(target="/health"))
        assert json.loads(client.response().body)["body"] == "first body"
        assert client.response().status == 401
        assert json.loads(client.response().body)["body"] == "second body"
        assert client.response().body == b"ok"
        assert client.response().status == 404
        assert client.response().body == b"ok"


def test_what_follows_a_refused_frame_is_not_read(proxy, upstream):
    with Client(proxy.address) as client:
        client.send(b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"
                    + request(target="/open/never"))
        assert client.response().status == 400
        assert client.is_closed()
    assert upstream.seen.empty()


def test_an_unread_body_is_drained_or_the_connection_ends(proxy):
    """CVE-2025-4366: the rest of a refused request's body is never the next request."""
    hidden = request(target="/open/hidden")
    with Client(proxy.address) as client:
        response = client.ask(request("POST", "/secure/x", body=hidden))
        assert response.status == 401
        if response.get("Connection") != "close":
            assert client.ask(request(target="/health")).body == b"ok"
    with Client(proxy.address) as client:
        client.send(request("POST", "/secure/x", {"Content-Length": str(64 * MIB)}))
        client.send(hidden * 100)
        response = client.response()
        assert response.status == 401 and response.get("Connection") == "close"


def test_connection_close_is_honoured(proxy):
    with Client(proxy.address) as client:
        response = client.ask(request(target="/health", fields={"Connection": "close"}))
        assert response.get("Connection") == "close"
        assert client.is_closed()


def test_half_close(proxy, upstream, path):
    """A client that has said all it will still gets its answer (RFC 9112 §9.6)."""
    release = threading.Event()

    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        release.wait(5)
        exchange.respond(b"still here")

    with Client(proxy.address) as client:
        client.send(request("POST", path, body=b"x")).shut_sending()
        upstream.last(path)
        release.set()
        assert client.response().body == b"still here"
        assert client.is_closed()


def test_half_close_inside_a_body_is_a_cut_request(proxy, upstream, path):
    with Client(proxy.address) as client:
        client.send(request("POST", path, {"Content-Length": "10"}) + b"cut").shut_sending()
        try:
            assert client.response().status == 400
        except Closed:
            pass
    exchange = upstream.last(path)
    assert not exchange.was_answered and exchange.await_gone()
    found = proxy.log.where(lambda record: record.detail.get("path") == path)
    assert found[0].core["reason"] == "client.closed_early"
    assert found[0].core["error"]["source"] == "client"


def test_slow_heads_are_cut_off(make_proxy):
    """Slowloris: a byte now and then does not move the deadline."""
    proxy = make_proxy(limits={"head_time": "400ms"})
    with Client(proxy.address) as client:
        started = time.monotonic()
        client.send(b"GET /health HTTP/1.1\r\nHost: api.test\r\nX-A: ")
        stop = threading.Event()

        def drip():
            while not stop.wait(0.05):
                try:
                    client.send(b"a")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        response = client.response()
        taken = time.monotonic() - started
        stop.set()
        thread.join()
        assert (response.status, response.reason) == (408, "request.head_timeout")
        assert 0.35 <= taken < 3
    assert proxy.record(response)["error"] == {"phase": "head", "source": "client"}


def test_silent_connections_are_closed_without_an_answer(make_proxy):
    proxy = make_proxy(limits={"head_time": "300ms", "idle_time": "300ms"})
    with Client(proxy.address) as client:
        assert client.is_closed()
    with Client(proxy.address) as client:
        assert client.ask(request(target="/health")).status == 200
        started = time.monotonic()
        assert client.is_closed()
        assert time.monotonic() - started < 3


def test_a_body_that_stalls(make_proxy, upstream, path):
    proxy = make_proxy(limits={"body_stall": "300ms"})
    with Client(proxy.address) as client:
        client.send(request("POST", path, {"Content-Length": "10"}) + b"12345")
        response = client.response()
        assert (response.status, response.reason) == (408, "request.body_timeout")
        assert client.is_closed()
    assert upstream.last(path).await_gone()
    record = proxy.record(response)
    assert record["error"] == {"phase": "request_body", "source": "client"}


def test_a_client_that_takes_nothing(make_proxy, upstream, path):
    proxy = make_proxy(limits={"body_stall": "300ms"})

    @upstream.on(path)
    def flood(exchange):
        exchange.read()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
        try:
            while True:
                exchange.send(b"x" * 65536)
        except OSError:
            return False

    with Client(proxy.address, receive_buffer=4096) as client:
        client.send(request(target=path))
        response = client.response_head()
        record = proxy.record(response)
        assert record["reason"] == "client.write_timeout"
        assert record["error"]["source"] == "client"


def test_a_client_that_leaves_before_the_answer(proxy, upstream, path):
    @upstream.on(path)
    def wait(exchange):
        exchange.read()
        assert exchange.wait_closed(), "the upstream's work was not ended"
        return False

    client = Client(proxy.address)
    client.send(request(target=path))
    upstream.last(path)
    client.reset()
    found = proxy.log.where(lambda record: record.detail.get("path") == path)
    assert found[-1].core["reason"] == "client.closed_early"
    assert found[-1].core["outcome"] == "error"


def test_a_client_that_leaves_inside_the_answer(proxy, upstream, path):
    @upstream.on(path)
    def flood(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                exchange.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except OSError:
            return False

    client = Client(proxy.address)
    client.send(request(target=path))
    response = client.response_head()
    client.reset()
    assert proxy.record(response)["reason"] == "client.closed_early"


def test_a_client_that_leaves_inside_the_head(proxy):
    client = Client(proxy.address)
    port = client.port
    client.send(b"GET /health HTTP/1.1\r\nHo")
    client.sock.close()
    found = proxy.log.where(lambda record: record.subject.get("peer_port") == port)
    assert found[0].core["reason"] == "client.closed_early"
    assert found[0].core["error"]["phase"] == "head"


def test_large_uploads_in_constant_memory(proxy, upstream, path):
    digest = hashlib.sha256()

    @upstream.on(path)
    def swallow(exchange):
        for piece in exchange.body.pieces():
            digest.update(piece)
        exchange.content = b""
        exchange.respond(b"done")

    piece = bytes(range(256)) * 4096
    before = proxy.memory()
    with Client(proxy.address) as client:
        client.send(request("PUT", path, {"Content-Length": str(64 * MIB)}))
        for _ in range(64):
            client.send(piece)
        grown = proxy.memory() - before
        assert client.response().body == b"done"
    assert digest.digest() == hashlib.sha256(piece * 64).digest()
    assert grown < 16 * MIB, f"{grown} bytes"


def test_large_downloads_in_constant_memory(proxy, upstream, path):
    piece = bytes(range(255, -1, -1)) * 4096

    @upstream.on(path)
    def flood(exchange):
        exchange.read()
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(64):
            exchange.send(b"100000\r\n" + piece + b"\r\n")
        exchange.send(b"0\r\n\r\n")

    before = proxy.memory()
    with Client(proxy.address) as client:
        client.send(request(target=path))
        response = client.response_head()
        digest, most = hashlib.sha256(), 0
        for number, part in enumerate(client.body_of(response, "GET").pieces()):
            digest.update(part)
            if number % 64 == 0:
                most = max(most, proxy.memory() - before)
    assert digest.digest() == hashlib.sha256(piece * 64).digest()
    assert most < 16 * MIB, f"{most} bytes"
    assert proxy.record(response)["bytes"]["out"] > 64 * MIB


def test_back_pressure_reaches_the_upstream(proxy, upstream, path):
    """A slow client holds the upstream back: the proxy buffers little."""
    sent = []

    @upstream.on(path)
    def flood(exchange):
        exchange.read()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
        exchange.sock.settimeout(0.5)
        try:
            while True:
                sent.append(exchange.sock.send(b"x" * 65536))
        except OSError:
            return False

    with Client(proxy.address, receive_buffer=8192) as client:
        client.send(request(target=path))
        client.response_head()
        assert upstream.last(path).await_gone()
    assert 0 < sum(sent) < 32 * MIB


def test_connections_past_the_limit_wait_or_are_refused(make_proxy):
    proxy = make_proxy(workers=1, limits={"connections": 4})
    clients = [Client(proxy.address) for _ in range(4)]
    try:
        for client in clients:
            assert client.ask(request(target="/health")).status == 200
        extra = Client(proxy.address, timeout=0.5)
        try:
            response = extra.ask(request(target="/health"))
            assert response.status == 503
        except (Closed, TimeoutError):
            pass
        extra.sock.close()
        clients.pop().sock.close()
        end = time.monotonic() + 5
        while True:
            try:
                assert once(proxy.address, request(target="/health")).status == 200
                break
            except (Closed, ConnectionError, AssertionError):
                assert time.monotonic() < end
    finally:
        for client in clients:
            client.sock.close()


def test_requests_per_connection(make_proxy):
    proxy = make_proxy(limits={"requests_per_connection": 3})
    with Client(proxy.address) as client:
        for turn in range(3):
            response = client.ask(request(target="/health"))
        assert response.get("Connection") == "close"
        assert client.is_closed()


def test_term_drains(make_proxy, upstream, path):
    """SIGTERM: what is under way ends well, nothing new is taken, the exit code is 0."""
    proxy = make_proxy()
    release = threading.Event()

    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        release.wait(10)
        exchange.respond(b"whole")

    idle = Client(proxy.address)
    assert idle.ask(request(target="/health")).status == 200
    with Client(proxy.address) as busy:
        busy.send(request(target=path))
        upstream.last(path)
        proxy.terminate()
        assert idle.is_closed(), "an idle connection is closed at once"
        end = time.monotonic() + 5
        with pytest.raises((ConnectionError, Closed)):
            while time.monotonic() < end:  # the other worker may be an instant behind
                once(proxy.address, request(target="/health"))
        release.set()
        response = busy.response()
        assert response.body == b"whole"
        assert response.get("Connection") == "close"
    assert proxy.wait() == 0, "".join(proxy.lines)
    assert proxy.record(response)["outcome"] == "allow"


def test_a_drain_has_an_end(make_proxy, upstream, path):
    proxy = make_proxy(limits={"drain_time": "300ms"})

    @upstream.on(path)
    def never(exchange):
        exchange.wait_closed()
        return False

    with Client(proxy.address) as busy:
        busy.send(request(target=path))
        upstream.last(path)
        proxy.terminate()
        assert proxy.wait(10) == 0, "".join(proxy.lines)
    found = proxy.log.where(lambda record: record.detail.get("path") == path)
    assert found[-1].core["outcome"] == "error"
    assert found[-1].core["reason"] == "proxy.draining"


def test_a_connection_that_has_asked_nothing_yet_may_while_the_process_ends(make_proxy):
    proxy = make_proxy()
    with Client(proxy.address) as client, Client(proxy.address) as other, \
            Client(proxy.address) as silent:
        assert other.ask(request(target="/health")).status == 200
        # All three are accepted: the last one of one worker, too.
        for _ in range(8):
            once(proxy.address, request(target="/health"))
        proxy.terminate()
        assert other.is_closed()
        answer = client.ask(request(target="/health"))
        assert answer.status == 200 and answer.get("connection") == "close"
        assert silent.is_closed()
    assert proxy.wait() == 0


def test_interrupt_stops_as_well(make_proxy):
    import signal
    proxy = make_proxy()
    proxy.process.send_signal(signal.SIGINT)
    assert proxy.wait() == 0
