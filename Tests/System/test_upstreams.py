"""Upstreams that fail: before, during and after the head; and what a retry may do."""

import socket
import threading

import pytest

from harness.client import Client, Closed, chunked, once, request


def test_nobody_listens(make_proxy):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    proxy = make_proxy(upstream_port=port)
    response = once(proxy.address, request())
    assert (response.status, response.reason) == (502, "upstream.connect_failed")
    record = proxy.record(response)
    assert record["error"]["source"] == "upstream" and record["error"]["phase"] == "connect"
    assert record["upstream"]["attempts"] == 2
    assert record["upstream"]["endpoint"] == f"127.0.0.1:{port}"


def test_a_connect_that_takes_too_long(make_proxy):
    """A listener whose backlog is full drops the handshake, and the connect waits."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        proxy = make_proxy(upstreams={"main": {
            "endpoints": [f"http://127.0.0.1:{full.getsockname()[1]}"],
            "timeouts": {"connect": "200ms"}, "retries": {"attempts": 0}}})
        response = once(proxy.address, request())
        assert (response.status, response.reason) == (504, "upstream.connect_timeout")
        assert proxy.record(response)["error"]["phase"] == "connect"
        for filler in fillers:
            filler.close()


def test_the_next_endpoint_is_tried(make_proxy, upstream, path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = taken.getsockname()[1]
    proxy = make_proxy(upstreams={"main": {
        "endpoints": [f"http://127.0.0.1:{dead}", f"http://127.0.0.1:{upstream.port}"],
        "retries": {"attempts": 1}}})
    with Client(proxy.address) as client:
        for _ in range(4):
            assert client.ask(request("POST", path, body=b"x")).status == 200


def test_dies_before_the_head(client, upstream, path, proxy):
    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        return False

    response = client.ask(request("POST", path, body=b"x"))
    assert (response.status, response.reason) == (502, "upstream.closed_early")
    record = proxy.record(response)
    assert record["error"] == {"phase": "response_head", "source": "upstream"}
    assert record["outcome"] == "error"
    assert client.stays_open(request(target="/health")).status == 200


def test_resets_before_the_head(client, upstream, path, proxy):
    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        exchange.reset()

    response = client.ask(request("POST", path, body=b"x"))
    assert (response.status, response.reason) == (502, "upstream.closed_early")


def test_dies_inside_the_head(client, upstream, path, proxy):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        return False

    response = client.ask(request(target=path))
    assert (response.status, response.reason) == (502, "upstream.closed_early")


@pytest.mark.parametrize("answer", [
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", id="length"),
    pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
                 id="chunked"),
])
def test_dies_inside_the_body(proxy, upstream, path, answer):
    """The client must not take a cut answer for whole."""
    @upstream.on(path)
    def send(exchange):
        exchange.send(answer)
        return False

    with Client(proxy.address) as client:
        client.send(request(target=path))
        response = client.response_head()
        assert response.status == 200
        with pytest.raises(Closed):
            client.body_of(response, "GET").read()
    record = proxy.record(response)
    assert record["reason"] == "upstream.truncated"
    assert record["error"] == {"phase": "response_body", "source": "upstream"}
    assert record["status"] == 200


MALFORMED = [
    ("both framings", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n"
     b"\r\n1\r\na\r\n0\r\n\r\n"),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("length no number", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    ("space before colon", b"HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 0\r\n\r\n"),
    ("NUL", b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n"),
    ("bare CR", b"HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 0\r\n\r\n"),
    ("no status line", b"hello\r\n\r\n"),
    ("status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("other protocol", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("unknown coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
]


@pytest.mark.parametrize("answer", [pytest.param(row[1], id=row[0]) for row in MALFORMED])
def test_malformed_answers(client, upstream, path, proxy, answer):
    @upstream.on(path)
    def send(exchange):
        exchange.send(answer)

    response = client.ask(request(target=path))
    assert (response.status, response.reason) == (502, "upstream.response_malformed")
    assert proxy.record(response)["error"]["source"] == "upstream"


def test_an_endless_head(client, upstream, path, proxy):
    @upstream.on(path)
    def send(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\n" + b"X-A: aaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 2000)

    response = client.ask(request(target=path))
    assert (response.status, response.reason) == (502, "upstream.response_too_large")


def test_a_malformed_chunk_in_an_answer(proxy, upstream, path):
    @upstream.on(path)
    def send(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")

    with Client(proxy.address) as client:
        client.send(request(target=path))
        with pytest.raises(Closed):
            client.response()


def test_never_answers(make_proxy, upstream, path):
    proxy = make_proxy(upstreams={"main": {
        "endpoints": [f"http://127.0.0.1:{upstream.port}"], "timeouts": {"response": "200ms"}}})

    @upstream.on(path)
    def wait(exchange):
        exchange.read()
        assert exchange.wait_closed(), "the proxy kept a connection whose answer it gave up"
        return False

    response = once(proxy.address, request(target=path))
    assert (response.status, response.reason) == (504, "upstream.response_timeout")
    assert proxy.record(response)["us"]["total"] >= 190_000


def test_stalls_inside_the_body(make_proxy, upstream, path):
    proxy = make_proxy(upstreams={"main": {
        "endpoints": [f"http://127.0.0.1:{upstream.port}"], "timeouts": {"stall": "200ms"}}})

    @upstream.on(path)
    def stall(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        exchange.wait_closed()
        return False

    with Client(proxy.address) as client:
        client.send(request(target=path))
        response = client.response_head()
        with pytest.raises(Closed):
            client.body_of(response, "GET").read()
    assert proxy.record(response)["reason"] == "upstream.stalled"


def test_connections_are_reused(proxy, upstream, path):
    before = upstream.connections
    with Client(proxy.address) as client:
        numbers = set()
        for _ in range(50):
            assert client.ask(request(target=path)).status == 200
            numbers.add(upstream.last(path).connection)
        assert len(numbers) == 1
    assert upstream.connections - before <= 1
    assert proxy.log.where(lambda record: record.core.get("upstream", {}).get("reused"))


def test_a_stale_connection_is_replaced_for_a_safe_request(proxy, upstream, path):
    """The idle connection dies as the request leaves: GET is asked again, once."""
    @upstream.on(path)
    def close_behind(exchange):
        exchange.respond(b"first")

    tries = []

    @upstream.on(path + "/again")
    def die_once(exchange):
        tries.append(exchange.connection)
        if len(tries) == 1:
            return False
        exchange.respond(b"second")

    with Client(proxy.address) as client:
        assert client.ask(request(target=path)).body == b"first"
        assert client.ask(request(target=path + "/again")).body == b"second"
    assert len(tries) == 2 and tries[0] != tries[1]


def test_a_stale_connection_is_not_retried_for_a_post(proxy, upstream, path):
    tries = []

    @upstream.on(path)
    def die(exchange):
        exchange.read()
        tries.append(exchange.connection)
        return False

    with Client(proxy.address) as client:
        assert client.ask(request(target=path + "/warm")).status == 200
        response = client.ask(request("POST", path, body=b"pay"))
        assert (response.status, response.reason) == (502, "upstream.closed_early")
    assert len(tries) == 1


def test_a_closed_idle_connection_costs_nothing(proxy, upstream, path):
    """An upstream that closes idle connections politely is no error, not even for a POST."""
    @upstream.on(path)
    def answer(exchange):
        exchange.respond(b"x")
        return False

    with Client(proxy.address) as client:
        for _ in range(10):
            assert client.ask(request("POST", path, body=b"x")).status == 200
            assert upstream.last(path).await_gone()


def test_unasked_bytes_poison_a_connection(proxy, upstream, path):
    """Bytes behind an answer are never taken for the next one's."""
    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
                      b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    with Client(proxy.address) as client:
        assert client.ask(request(target=path)).body == b"a"
        for _ in range(3):
            assert client.ask(request(target=path)).body == b"a"


def test_an_answer_before_the_body_is_read(proxy, upstream, path):
    """The upstream refuses an upload early: its answer is passed on, the connection ends."""
    @upstream.on(path)
    def refuse(exchange):
        exchange.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        exchange.wait_closed()
        return False

    with Client(proxy.address) as client:
        client.send(request("POST", path, {"Content-Length": str(1 << 20)}) + b"x" * 1000)
        response = client.response()
        assert (response.status, response.body) == (403, b"no")


def test_names_are_resolved(make_proxy, upstream, path):
    proxy = make_proxy(upstreams={"main": {"endpoints": [f"http://localhost:{upstream.port}"]}})
    assert once(proxy.address, request(target=path)).status == 200


def test_a_name_that_leads_nowhere(make_proxy):
    proxy = make_proxy(upstreams={"main": {"endpoints": ["http://nowhere.invalid:80"]}})
    response = once(proxy.address, request())
    assert (response.status, response.reason) in [
        (502, "upstream.name_unresolved"), (503, "upstream.name_unresolved")]
    assert once(proxy.address, request(target="/health")).status == 200


def test_endpoints_take_turns(make_proxy, upstream, path):
    from harness.upstream import Upstream
    second = Upstream()
    try:
        proxy = make_proxy(upstreams={"main": {"endpoints": [
            f"http://127.0.0.1:{upstream.port}", f"http://127.0.0.1:{second.port}"]}})
        with Client(proxy.address) as client:
            for _ in range(10):
                assert client.ask(request(target=path)).status == 200
        assert upstream.seen.qsize() == 5 and second.seen.qsize() == 5
    finally:
        second.close()


def test_answers_under_load_belong_to_their_requests(proxy, upstream):
    """Eight clients over shared upstream connections: nobody gets another's answer."""
    errors = []

    def ask(number):
        try:
            with Client(proxy.address) as client:
                for turn in range(40):
                    mark = f"/open/mark/{number}/{turn}"
                    body = client.ask(request("POST", mark, body=mark.encode() * 50)).body
                    assert mark.encode() in body, body
        except Exception as error:  # noqa: BLE001 told to the main thread
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
