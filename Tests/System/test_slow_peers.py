"""Bytes that wait between two peers of different speed: none is lost, none is forgotten."""

import json
import threading
import time

import pytest

from harness.client import Client, Closed, chunked, once, request

# What the proxy's buffers hold; the sizes below are chosen to leave a rest in one of them.
BUFFER = 16384 + 4096


def settle(upstream) -> None:
    """Waits until no further request arrives: the client's connection is full."""
    quiet = time.monotonic()
    while time.monotonic() - quiet < 0.4:
        if not upstream.seen.empty():
            upstream.forget()
            quiet = time.monotonic()
        time.sleep(0.01)


def fill(head: bytes, size: int = BUFFER) -> bytes:
    """A response of exactly `size` bytes with its length."""
    text = head + b"Content-Length: %d\r\n\r\n"
    body = size - len(text % 10000)
    return text % body + b"x" * body


@pytest.mark.parametrize("ending", ["length", "close", "trailers"])
def test_a_rest_in_the_buffer_reaches_a_slow_client(make_proxy, upstream, path, ending):
    """The client stops reading inside a response that is larger than what one read moves."""
    proxy = make_proxy(workers=1)
    trailer = b"X-Sum: " + b"s" * 3000 + b"\r\n"

    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        if ending == "length":
            exchange.send(fill(b"HTTP/1.1 200 OK\r\n"))
        elif ending == "close":
            head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
            exchange.send(head + b"x" * (BUFFER - len(head)))
            return False
        else:
            exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                          + chunked(b"x" * 16900, trailers=trailer))

    count = 600
    with Client(proxy.address, receive_buffer=4096) as client:
        client.send(request(target=path, fields={"TE": "trailers"}) * count)
        settle(upstream)
        sizes = set()
        for _ in range(count):
            response = client.response()
            sizes.add(len(response.body))
            if ending == "trailers":
                assert response.trailers == [("X-Sum", "s" * 3000)]
        assert len(sizes) == 1 and sizes.pop() > 16000


def test_a_long_trailer_behind_a_body_that_fills_the_buffer(proxy, upstream, path):
    with Client(proxy.address) as client:
        started = time.monotonic()
        response = client.ask(
            request("POST", path, {"Transfer-Encoding": "chunked"})
            + chunked(b"b" * 17000, trailers=b"X-Sum: " + b"s" * 3100 + b"\r\n"))
        assert json.loads(response.body)["size"] == 17000
        assert time.monotonic() - started < 5


def test_a_flood_of_interim_responses(client, upstream, path):
    """They grow when they are rewritten: what does not fit is left out, never cut."""
    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        exchange.send(b"HTTP/1.1 103\r\nA:b\r\n\r\n" * 4000)
        exchange.respond(b"final")

    response = client.ask(request(target=path))
    assert response.body == b"final"
    assert all(head.line.strip() == "HTTP/1.1 103" and head.get("A") == "b"
               for head in response.interim)
    assert len(response.interim) > 100
    assert client.ask(request(target="/health")).body == b"ok"


@pytest.mark.parametrize("fields", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_204_that_announces_a_body_ends_its_connection(client, upstream, path, fields):
    """Its body may come late, and would be read as the next request's answer."""
    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        exchange.send(f"HTTP/1.1 204 No Content\r\n{fields}\r\n\r\n".encode())

    assert client.ask(request(target=path)).status == 204
    assert upstream.last(path).await_gone()
    assert client.ask(request(target="/health")).body == b"ok"


def test_late_bytes_do_not_cut_the_last_answer(proxy, upstream, path):
    """Closing with bytes unread would reset the connection under an answer still on its way."""
    size = 3 << 20

    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        exchange.send(b"x" * size)

    with Client(proxy.address, receive_buffer=4096) as client:
        client.send(request(target=path, fields={"Connection": "close"}))
        response = client.response_head()
        client.send(b"\r\n")
        time.sleep(0.3)
        assert len(client.body_of(response, "GET").read()) == size


def test_an_answer_begun_before_a_drain_does_not_hold_it_up(make_proxy, upstream, path):
    """Its connection was promised to stay open, but nothing more comes of it."""
    proxy = make_proxy()
    release = threading.Event()

    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        release.wait(10)
        exchange.send(b"cde")

    with Client(proxy.address) as client:
        client.send(request(target=path))
        response = client.response_head()
        proxy.terminate()
        end = time.monotonic() + 5
        with pytest.raises((ConnectionError, Closed)):
            while time.monotonic() < end:
                once(proxy.address, request(target="/health"))
        release.set()
        assert client.body_of(response, "GET").read() == b"abcde"
        assert proxy.wait(5) == 0, "".join(proxy.lines)


def test_no_record_is_lost_when_the_last_ones_fill_the_ring(make_proxy, upstream):
    """Requests that a stop breaks off are recorded, however many there are."""
    proxy = make_proxy(workers=1, limits={"drain_time": "200ms"},
                       audit={"ring": "128KiB"})
    release = threading.Event()
    targets = [f"/open/cut/{number}/" + "p" * 800 for number in range(300)]

    def never(exchange):
        release.wait(20)
        return False

    for target in targets:
        upstream.handlers[target] = never
    clients = [Client(proxy.address).send(request(target=target)) for target in targets]
    for _ in targets:
        upstream.seen.get(timeout=20)
    proxy.terminate()
    assert proxy.wait(20) == 0, "".join(proxy.lines)
    release.set()
    for client in clients:
        client.sock.close()
    found = {record.detail.get("path") for record in proxy.log.requests()
             if record.core.get("reason") == "proxy.draining"}
    assert len(found) == len(targets)


def test_a_head_that_was_given_up_is_described(make_proxy):
    """What came of it whole is in the record: who asked for what."""
    proxy = make_proxy(limits={"head_time": "300ms"})
    with Client(proxy.address) as client:
        client.send(b"GET /health?a=1 HTTP/1.1\r\nHost: api.test\r\nUser-Agent: slow\r\nX-A: ")
        record = proxy.record(client.response())
    assert record["method"] == "GET" and record["detail"]["path"] == "/health"
    assert record["detail"]["user_agent"] == "slow"
    with Client(proxy.address) as client:
        client.send(b"PUT /open/left HTTP/1.1\r\nHost: api.test\r\nX-A: ")
    found = proxy.log.where(lambda record: record.detail.get("path") == "/open/left")
    assert found[0].core["reason"] == "client.closed_early"


def test_the_decision_time_of_a_late_failure_is_the_decisions(make_proxy, upstream, path):
    proxy = make_proxy(upstreams={"main": {
        "endpoints": [f"http://127.0.0.1:{upstream.port}"],
        "timeouts": {"connect": "1s", "response": "500ms", "stall": "5s"}}})

    @upstream.on(path)
    def never(exchange):
        exchange.wait_closed()
        return False

    response = once(proxy.address, request(target=path))
    assert response.status == 504
    record = proxy.record(response)

    assert record["us"].get("decision", 0) < 200_000


@pytest.mark.parametrize("version, fields, waits", [
    ("HTTP/1.1", {"Expect": "100-continue"}, True),
    ("HTTP/1.0", {"Expect": "100-continue"}, False),
])
def test_an_expectation_that_nobody_waits_for_goes_no_further(
        client, upstream, path, version, fields, waits):
    """RFC 9110 §10.1.1: one in HTTP/1.0 is ignored."""
    client.ask(request("POST", path, fields, body=b"body", version=version), "POST")
    seen = upstream.last(path).head.get("Expect")
    assert seen == ("100-continue" if waits else None)


def test_a_trailer_that_no_buffer_holds_is_refused_at_once(make_proxy, upstream, path):
    proxy = make_proxy(limits={"trailers": "64KiB"})
    with Client(proxy.address) as client:
        started = time.monotonic()
        client.send(request("POST", path, {"Transfer-Encoding": "chunked"})
                    + b"4\r\nbody\r\n0\r\nX-Sum: " + b"s" * 30000)
        assert client.response("POST").status == 431
        assert time.monotonic() - started < 5
