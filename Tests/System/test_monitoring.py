"""The listener for health and metrics: /livez, /readyz, /metrics."""

import json
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

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
            text, "sallyport_requests_total") == 3 and value(
                text, "sallyport_audit_durable_entries") >= 4 and text, "three are counted")
    assert value(page, "sallyport_audit_ready") == 1
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


def counted(proxy, **labels) -> float:
    """How many requests ended so."""
    page = get(proxy, "/metrics").body.decode()
    return sum(
        float(count) for found, count in re.findall(
            r"^sallyport_requests_total{(.*)} (\S+)$", page, re.MULTILINE)
        if all(f'{name}="{value}"' in found for name, value in labels.items()))


def test_requests_by_how_they_ended(monitored, tokens):
    for target in ("/health", "/health", "/open/a", "/secure/a", "/nowhere"):
        once(monitored.address, request(target=target))
    until(lambda: counted(monitored) == 5, "all are counted")
    assert counted(monitored, route="health", outcome="allow", status="2xx", reason="none") == 2
    assert counted(monitored, route="open", outcome="allow", status="2xx") == 1
    assert counted(monitored, route="secure", outcome="deny", status="4xx",
                   reason="auth.credential_missing") + counted(
                       monitored, route="secure", outcome="deny", status="4xx") >= 1
    assert counted(monitored, route="", status="4xx") == 1
    page = get(monitored, "/metrics").body.decode()
    assert value(page, "sallyport_request_duration_seconds_count") == 5
    assert value(page, "sallyport_upstream_duration_seconds_count") == 1
    assert value(page, "sallyport_added_duration_seconds_count") == 5
    assert value(page, "sallyport_upstream_duration_seconds_sum") > 0
    assert value(page, "sallyport_audit_commit_duration_seconds_count") >= 1
    assert value(page, "sallyport_audit_written_bytes_total") > 500
    assert value(page, "sallyport_audit_checkpoint_age_seconds") < 10


def test_certificates_have_their_end(make_proxy, pki):
    proxy = make_proxy(
        metrics={"address": "127.0.0.1:0"},
        listeners={"secure": {"address": "127.0.0.1:0",
                              "tls": {"certificates": [pki.ec.settings]}}})
    found = next(WHERE.search(line) for line in proxy.lines if WHERE.search(line))
    page = once((found[1], int(found[2])), request(target="/metrics")).body.decode()
    assert re.search(
        r'^sallyport_certificate_expiry_timestamp_seconds{place="listener secure"} \d{10}$', page,
        re.MULTILINE), page


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs prometheus")
def test_promtool_finds_nothing(monitored):
    once(monitored.address, request(target="/open/a"))
    until(lambda: counted(monitored) == 1, "it is counted")
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=get(monitored, "/metrics").body,
        capture_output=True)
    assert checked.returncode == 0 and not checked.stderr, checked.stderr.decode()


@pytest.mark.skipif(not shutil.which("prometheus"), reason="needs prometheus")
def test_prometheus_scrapes_it(monitored, tmp_path):
    for _ in range(3):
        once(monitored.address, request(target="/health"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host, metrics = monitored.monitoring
    (tmp_path / "prometheus.yml").write_text(json.dumps({"scrape_configs": [{
        "job_name": "sallyport", "scrape_interval": "200ms", "scrape_timeout": "200ms",
        "static_configs": [{"targets": [f"{host}:{metrics}"]}]}]}))
    server = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path}/prometheus.yml",
         f"--storage.tsdb.path={tmp_path}/data", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(query: str) -> list:
        words = urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/api/v1/query?{words}", timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            return []

    try:
        until(lambda: [each["value"][1] for each in ask("up")] == ["1"], "it is up", timeout=30)
        until(lambda: [each["value"][1] for each in ask(
            'sum(sallyport_requests_total{route="health",status="2xx"})')] == ["3"], "counted")
        assert ask("histogram_quantile(0.9, sallyport_request_duration_seconds_bucket)")
    finally:
        server.terminate()
        server.wait(30)
