"""Strict, bounded and best-effort routes: what is on the disk when, and what an outage does."""

import random
import socket
import threading
import time

import pytest

from harness.client import Client, Closed, chunked, once, request
from harness.proxy import audit
from harness.stopped import StoppedWriter
from harness.tls import TLSClient, context_of

ROUTES = [
    {"name": "strict-health", "match": {"path": "/health"}, "auth": "none",
     "respond": {"status": 200, "body": "ok"}, "audit": {"mode": "strict"}},
    {"name": "strict-secure", "match": {"path": "/secure/**"}, "auth": "corp", "upstream": "main",
     "audit": {"mode": "strict"}},
    {"name": "strict", "match": {"path": "/strict/**"}, "auth": "none", "upstream": "main",
     "audit": {"mode": "strict"}},
    {"name": "bounded", "match": {"path": "/bounded/**"}, "auth": "none", "upstream": "main"},
    {"name": "effort", "match": {"path": "/effort/**"}, "auth": "none", "upstream": "main",
     "audit": {"mode": "best_effort"}},
]


def numbers(receipt: str) -> tuple[str, int, int]:
    _, boot, worker, sequence = receipt.split(".")
    return boot, int(worker), int(sequence)


def recorded(proxy) -> tuple[set, set]:
    """Which numbers have a decision, and which a completion, on the disk now."""
    decided, completed = set(), set()
    for record in proxy.log.requests():
        core = record.core
        own = core["boot"], core["worker"], core["seq"]
        if record.kind in ("decision", "combined"):
            decided.add(own)
        if record.kind == "combined":
            completed.add(own)
        if record.kind == "completion":
            completed.add((core["boot"], core["worker"], core["link"]))
    return decided, completed


def gaps(proxy) -> list[dict]:
    return [record.core["gap"] for record in proxy.log.records() if record.kind == "gap"]


def holds(proxy) -> str:
    done = audit("verify", proxy.log.directory, check=None)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def strict_proxy(tmp_path_factory, shared_upstream, tokens):
    from harness.proxy import Proxy, settings
    directory = tmp_path_factory.mktemp("strict")
    running = Proxy(directory, settings(
        directory, shared_upstream.port, tokens, routes=ROUTES,
        audit={"commit_timeout": "5s"})).start()
    yield running
    assert running.stop() == 0, "".join(running.lines)
    holds(running)


def length(exchange):
    exchange.respond(b"x" * 10)


def empty(exchange):
    exchange.respond(b"")


def large(exchange):
    exchange.respond(b"y" * 300_000)


def no_content(exchange):
    exchange.read()
    exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")


def in_chunks(exchange):
    exchange.read()
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (b"a" * 5, b"b" * 20_000, b"c"):
        exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    exchange.send(b"0\r\n\r\n")


def with_trailers(exchange):
    exchange.read()
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n")
    exchange.send(chunked(b"abc", trailers=b"A: b\r\n"))


def until_close(exchange):
    exchange.read()
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
    return False


def byte_by_byte(exchange):
    exchange.read()
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n" + b"z" * 30:
        exchange.send(bytes([byte]))


def early_hints(exchange):
    exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
    exchange.respond(b"after")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("answer", [
    length, empty, large, no_content, in_chunks, with_trailers, until_close, byte_by_byte,
    early_hints], ids=lambda answer: answer.__name__)
def test_strict_records_come_first(strict_proxy, upstream, answer, method, version):
    path = f"/strict/{random.randrange(1 << 60):x}"
    seen = []

    @upstream.on(path)
    def handle(exchange):
        # What the disk has when the request is here.
        seen.append((exchange.head.get("Audit-Receipt"), recorded(strict_proxy)[0]))
        if exchange.method == "HEAD" and answer in (large, in_chunks, with_trailers, until_close,
                                                    byte_by_byte):
            exchange.read()
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
            return None
        return answer(exchange)

    with Client(strict_proxy.address) as client:
        got = client.ask(request(
            method, path, version=version, fields={"TE": "trailers", "Connection": "TE"}), method)
    completed = recorded(strict_proxy)[1]
    assert got.status in (200, 204)
    ((receipt, decided),) = seen
    assert got.receipt == receipt
    assert numbers(receipt) in decided, "the upstream saw it before the log did"
    assert numbers(receipt) in completed, "the client had it all before the log did"
    record = strict_proxy.record(got)
    assert record["kind"] == "completion" and record["status"] == got.status
    if method == "GET" and answer in (length, large):
        size = len(got.body) + len(got.head.raw)
        assert abs(record["bytes"]["out"] - size) <= 4, "what is held back counts as sent"


def test_a_strict_request_body_is_asked_for_and_forwarded(strict_proxy, upstream):
    @upstream.on("/strict/continue")
    def handle(exchange):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        exchange.respond(exchange.read())

    with Client(strict_proxy.address) as client:
        client.send(request("POST", "/strict/continue", fields={
            "Expect": "100-continue", "Content-Length": "50000"}))
        assert client.head().line.startswith("HTTP/1.1 100"), "it is not held back"
        got = client.send(b"q" * 50_000).response()
        assert got.body == b"q" * 50_000
        assert numbers(got.receipt) in recorded(strict_proxy)[1]
        # The connection goes on.
        again = client.ask(request(target="/health"))
        assert again.status == 200 and numbers(again.receipt) in recorded(strict_proxy)[1]


def test_strict_answers_of_the_proxy_are_recorded_first(strict_proxy):
    for target, status in [("/health", 200), ("/secure/x", 401)]:
        got = once(strict_proxy.address, request(target=target))
        assert got.status == status
        assert numbers(got.receipt) in recorded(strict_proxy)[1]
        assert strict_proxy.record(got)["kind"] == "combined"


def test_an_upstream_that_fails_is_told_after_its_record(make_proxy):
    gone = socket.create_server(("127.0.0.1", 0))
    port = gone.getsockname()[1]
    gone.close()
    proxy = make_proxy(routes=ROUTES, upstream_port=port)
    got = once(proxy.address, request(target="/strict/x"))
    assert got.status == 502 and got.reason == "upstream.connect_failed"
    decided, completed = recorded(proxy)
    assert numbers(got.receipt) in decided & completed


def test_pipelined_strict_requests_are_answered_in_order(strict_proxy, upstream):
    with Client(strict_proxy.address) as client:
        client.send(b"".join(
            request(target="/health" if n % 3 else f"/strict/{n}") for n in range(60)))
        for _ in range(60):
            got = client.response()
            assert got.status == 200
            assert numbers(got.receipt) in recorded(strict_proxy)[1]


def test_strict_over_tls(make_proxy, upstream, pki):
    proxy = make_proxy(routes=ROUTES, audit={"commit_timeout": "400ms"}, workers=1, listeners={
        "public": {"address": "127.0.0.1:0"},
        "secure": {"address": "127.0.0.1:0", "tls": {"certificates": [pki.ec.settings]}}})
    context = context_of(str(pki.root_file))
    client = TLSClient(proxy.addresses["secure"], context)
    for path, answer in [("/strict/large", large), ("/strict/chunks", in_chunks)]:
        seen = []

        @upstream.on(path)
        def handle(exchange):
            seen.append((exchange.head.get("Audit-Receipt"), recorded(proxy)[0]))
            return answer(exchange)

        got = client.ask(request(target=path))
        assert got.status == 200 and len(got.body) > 20_000
        ((receipt, decided),) = seen
        assert numbers(receipt) in decided and numbers(receipt) in recorded(proxy)[1]
    with StoppedWriter(proxy.pid):
        # A kept connection, and a new one whose handshake comes first.
        assert client.ask(request(target="/strict/large")).reason == "audit.unavailable"
        other = TLSClient(proxy.addresses["secure"], context)
        assert other.ask(request(target="/effort/x")).status == 200
        assert other.ask(request(target="/health")).reason == "audit.unavailable"
    client.sock.close()
    other.sock.close()
    assert proxy.stop() == 0
    holds(proxy)


def test_kill_under_strict_load_loses_nothing_that_was_seen(make_proxy, upstream):
    proxy = make_proxy(routes=ROUTES)
    for _ in range(2):
        upstream.forget()
        answers, lock, stop = [], threading.Lock(), threading.Event()

        def run(number):
            try:
                with Client(proxy.address) as client:
                    while not stop.is_set():
                        target = "/health" if number == 0 else f"/strict/{number}"
                        got = client.ask(request(target=target))
                        with lock:
                            answers.append(got.receipt)
            except (Closed, OSError):
                pass

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        stop.wait(1.0)
        proxy.kill()
        stop.set()
        for thread in threads:
            thread.join()
        saw = []
        while not upstream.seen.empty():
            saw.append(upstream.seen.get().head.get("Audit-Receipt"))
        assert len(answers) > 50 and len(saw) > 50
        # What is on the disk, before anything is put right.
        decided, completed = recorded(proxy)
        assert {numbers(receipt) for receipt in saw} <= decided
        assert {numbers(receipt) for receipt in answers} <= completed
        proxy.start()
        assert proxy.stop() == 0
        holds(proxy)
        proxy.start()


def outage(make_proxy, **changes):
    changes = {"bound": {"time": "200ms", "records": 65536}, "ring": "128KiB",
               "commit_timeout": "400ms", **changes}
    return make_proxy(routes=ROUTES, workers=1, audit=changes)


def test_a_stalled_disk_refuses_strict_and_bounded_and_passes_best_effort(make_proxy, upstream):
    proxy = outage(make_proxy)
    for name in ("strict", "bounded", "effort"):
        assert once(proxy.address, request(target=f"/{name}/first")).status == 200
    upstream.forget()
    receipts = []
    with StoppedWriter(proxy.pid):
        begin = time.monotonic()
        refused = once(proxy.address, request(target="/strict/refused"))
        waited = time.monotonic() - begin
        assert refused.status == 503 and refused.reason == "audit.unavailable"
        assert 0.3 < waited < 3, "it waits for its commit before it is refused"
        local = once(proxy.address, request(target="/health"))
        assert local.status == 503 and local.reason == "audit.unavailable"
        # The bound is over by now.
        late = once(proxy.address, request(target="/bounded/late"))
        assert late.status == 503 and late.reason == "audit.backlog"
        assert upstream.seen.empty(), "none of them was forwarded"
        begin = time.monotonic()
        with Client(proxy.address) as client:
            for number in range(1200):
                got = client.ask(request(target=f"/effort/{number}"))
                assert got.status == 200
                receipts.append(got.receipt)
        assert time.monotonic() - begin < 20
        # Another 503 that finds no room either.
        full = once(proxy.address, request(target="/bounded/full"))
        assert full.status == 503
    after = once(proxy.address, request(target="/strict/after"))
    assert after.status == 200
    assert proxy.stop() == 0, "".join(proxy.lines)
    said = holds(proxy)
    assert "ring_full" in said or "stalled" in said
    completed = recorded(proxy)[1]
    lost = gaps(proxy)
    # Whether a write was under way when the thread was stopped is chance.
    assert lost and all(gap["reason"] in ("ring_full", "stalled") for gap in lost)
    dropped = [receipt for receipt in receipts if numbers(receipt) not in completed]
    assert len(dropped) > 200, "the ring is too small for all of them"
    for receipt in dropped:
        boot, worker, sequence = numbers(receipt)
        assert sum(gap["boot"] == boot and gap["worker"] == worker
                   and gap["from"] <= sequence <= gap["to"] for gap in lost) == 1, receipt
    told = audit("verify", proxy.log.directory, "--receipt", dropped[0], check=None)
    assert told.returncode == 0 and "lost, and the log says so" in told.stdout
    for receipt, what in [(refused, "audit.unavailable"), (local, "audit.unavailable"),
                          (late, "audit.backlog")]:
        last = [record for record in proxy.log.requests()
                if numbers(receipt.receipt)[2] in (record.core["seq"], record.core.get("link"))][-1]
        assert last.core["reason"] == what and last.core["status"] == 503


def test_an_answer_whose_completion_is_late_is_cut(make_proxy, upstream):
    proxy = outage(make_proxy)
    arrived, go = threading.Event(), threading.Event()

    @upstream.on("/strict/cut")
    def handle(exchange):
        arrived.set()
        assert go.wait(10)
        exchange.respond(b"0123456789" * 5000)

    with Client(proxy.address) as client:
        client.send(request(target="/strict/cut"))
        assert arrived.wait(10)
        with StoppedWriter(proxy.pid):
            go.set()
            head = client.head()
            got = b""
            with pytest.raises((Closed, ConnectionError)):
                while True:
                    got += client.reader.take(1)
            assert len(got) < 50_000
    assert proxy.stop() == 0
    holds(proxy)
    receipt = head.get("Audit-Receipt")
    ends = [record.core for record in proxy.log.requests()
            if record.core.get("link") == numbers(receipt)[2]]
    assert [end.get("reason", "none") for end in ends][-1] == "audit.unavailable"
    assert ends[-1]["bytes"]["out"] < 50_000


def test_a_client_that_leaves_while_it_waits_is_recorded(make_proxy, upstream):
    proxy = outage(make_proxy, commit_timeout="30s")
    ports = []
    with StoppedWriter(proxy.pid):
        for target in ("/strict/left", "/health"):
            with Client(proxy.address) as client:
                client.send(request(target=target))
                # Another request behind it shows that it is read, for both are on one worker.
                assert once(proxy.address, request(target="/effort/x")).status == 200
                ports.append(client.port)
                client.reset()
        assert once(proxy.address, request(target="/effort/x")).status == 200
    seen = []
    for port in ports:
        records = proxy.log.of(port, 2)
        assert records[-1].kind == "completion"
        assert records[-1].core["reason"] == "client.closed_early"
        assert records[-1].core["link"] == records[0].core["seq"]
        seen.append(records[0].kind)
    assert seen == ["decision", "combined"]
    assert all(not exchange.path.startswith("/strict") for exchange in list(upstream.seen.queue))
    assert proxy.stop() == 0
    holds(proxy)


def test_modes_together_through_many_stops(make_proxy, upstream):
    proxy = outage(make_proxy, bound={"time": "100ms", "records": 64})
    answers, lock, stop = [], threading.Lock(), threading.Event()

    def run(name):
        while not stop.is_set():
            try:
                with Client(proxy.address) as client:
                    while not stop.is_set():
                        got = client.ask(request(target=f"/{name}/x"))
                        with lock:
                            answers.append((name, got.status, got.receipt))
            except (Closed, OSError):
                pass

    threads = [threading.Thread(target=run, args=(name,))
               for name in ("strict", "bounded", "effort") * 4]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            with StoppedWriter(proxy.pid):
                stop.wait(0.7)
            stop.wait(0.3)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert proxy.stop() == 0, "".join(proxy.lines)
    holds(proxy)
    completed = recorded(proxy)[1]
    statuses = {(name, status) for name, status, _ in answers}
    assert ("effort", 503) not in statuses
    assert {("strict", 200), ("bounded", 200), ("effort", 200)} <= statuses
    for name, status, receipt in answers:
        if name != "effort" and status == 200:
            assert numbers(receipt) in completed, (name, receipt)


def test_best_effort_as_the_logs_mode_serves_without_a_disk(make_proxy):
    proxy = make_proxy(workers=1, audit={"mode": "best_effort", "ring": "128KiB"})
    with StoppedWriter(proxy.pid):
        with Client(proxy.address) as client:
            for _ in range(600):
                assert client.ask(request(target="/health")).status == 200
            assert client.ask(request(target="/nowhere")).status == 404
    assert proxy.stop() == 0
    holds(proxy)
    assert gaps(proxy)
