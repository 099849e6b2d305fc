"""The listener for health and metrics: /livez, /readyz, /metrics."""

import re
import socket

import pytest

from harness.client import once, request
from harness.stopped import StoppedWriter
from harness.waiting import until
from harness.wire import Closed

WHERE = re.compile(r"health and metrics on (\S+):(\d+)")


@pytest.fixture
def monitored(make_proxy):
    proxy = make_proxy(metrics={"address": "127.0.0.1:0"})
    found = next(WHERE.search(line) for line in proxy.lines if WHERE.search(line))
    proxy.monitoring = (found[1], int(found[2]))
    return proxy


def get(proxy, target: str):
    return once(proxy.monitoring, request(target=target))


def value(page: str, name: str) -> float:
    """The sum of a metric's samples."""
    samples = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE)
    assert samples, name
    return sum(map(float, samples))


def test_health_and_metrics(monitored):
    assert get(monitored, "/livez").body == b"alive\n"
    ready = get(monitored, "/readyz")
    assert ready.status == 200 and ready.body.startswith(b"ready\n")
    for _ in range(3):
        assert once(monitored.address, request(target="/health")).status == 200
    page = until(lambda: (
        text := get(monitored, "/metrics").body.decode()) and value(
            text, "sallyport_requests_total") == 3 and text, "the three requests are counted")
    assert value(page, "sallyport_audit_ready") == 1
    assert value(page, "sallyport_audit_durable_entries") >= 4
    assert value(page, "sallyport_audit_durable_age_seconds") < 1
    # Every metric is described once, before its samples.
    assert len(re.findall("^# HELP ", page, re.MULTILINE)) == len(
        set(re.findall(r"^# TYPE (\S+) ", page, re.MULTILINE)))


def test_a_writer_that_hangs_is_not_ready(monitored):
    with StoppedWriter(monitored.pid):
        refused = until(lambda: (
            answer := get(monitored, "/readyz")) and answer.status == 503 and answer,
            "the hang is told")
        assert b"failed  audit-log: records have not been durable for" in refused.body
        assert value(get(monitored, "/metrics").body.decode(), "sallyport_audit_ready") == 0
        assert get(monitored, "/livez").status == 200
    until(lambda: get(monitored, "/readyz").status == 200, "it is ready again")


def test_silent_peers_keep_nobody_waiting(monitored):
    silent = [socket.create_connection(monitored.monitoring) for _ in range(80)]
    try:
        # All places are taken; they are free again when the silent ones' time is over.
        until(lambda: answered(monitored), "a place is free again", timeout=15)
        assert all(peer.recv(1) == b"" for peer in silent)
    finally:
        for peer in silent:
            peer.close()


def answered(proxy) -> bool:
    try:
        return get(proxy, "/livez").status == 200
    except (OSError, Closed):
        return False


def test_what_is_not_there_is_refused(monitored):
    assert get(monitored, "/health").status == 404
    assert once(monitored.monitoring, request(method="POST", target="/livez")).status == 405
    with socket.create_connection(monitored.monitoring) as peer:
        peer.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert peer.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_port_that_is_taken_stops_the_start(make_proxy):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        proxy = make_proxy(start=False, metrics={"address": f"127.0.0.1:{port}"})
        with pytest.raises(RuntimeError, match="listener metrics: .* can't be listened on"):
            proxy.start()
