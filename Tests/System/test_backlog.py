"""The log falls behind its bound: requests wait, then are refused, and all of it is recorded."""

import os
import subprocess
import threading
import time

import pytest
import yaml

from harness.client import Client, once, request
from harness.proxy import audit
from harness.stopped import StoppedWriter
from harness.tls import TLSClient, context_of


@pytest.mark.parametrize("bound, before", [
    ({"time": "200ms", "records": 65536}, 1), ({"time": "60s", "records": 64}, 80)])
def test_past_its_bound_requests_wait_and_are_refused(make_proxy, bound, before):
    proxy = make_proxy(audit={"bound": bound})
    once(proxy.address, request(target="/health"))
    with StoppedWriter(proxy.pid):
        # On one connection, so on one worker: its own records are what it may have waiting.
        with Client(proxy.address) as client:
            statuses = [client.ask(request(target="/health")).status for _ in range(before)]
            assert statuses[:1] == [200]
            time.sleep(0.3)
            begin = time.monotonic()
            refused = client.ask(request(target="/open/x"))
            waited = time.monotonic() - begin
    assert refused.status == 503 and refused.reason == "audit.backlog"
    if before == 1:
        assert 0.8 < waited < 5, "it waits for the log before it refuses"
    record = proxy.record(refused)
    assert record["reason"] == "audit.backlog" and record["outcome"] == "error"
    assert record["status"] == 503 and record["error"]["source"] == "proxy"
    assert once(proxy.address, request(target="/health")).status == 200, "it is behind no more"
    assert proxy.stop() == 0
    assert audit("verify", proxy.log.directory, check=None).returncode == 0


def test_a_short_stop_is_waited_for(make_proxy):
    proxy = make_proxy(audit={"bound": {"time": "100ms", "records": 65536}})
    with Client(proxy.address) as client:
        with StoppedWriter(proxy.pid):
            assert client.ask(request(target="/health")).status == 200
            time.sleep(0.2)
            client.send(request(target="/health"))
            time.sleep(0.2)
        assert client.response().status == 200


def test_a_log_under_load_verifies_at_any_moment(make_proxy):
    proxy = make_proxy(audit={"rotate": {"size": "1MiB"}, "checkpoint": "100ms"})
    stop = threading.Event()

    def load():
        while not stop.is_set():
            # A connection ends after 100,000 requests.
            with Client(proxy.address) as client:
                for _ in range(1000):
                    if stop.is_set():
                        break
                    client.send(b"".join(request(target="/health") for _ in range(50)))
                    for _ in range(50):
                        client.response()
                    # As fast as it goes, the log would grow faster than a debug build verifies.
                    time.sleep(0.01)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        verified = 0
        # Segments end and begin meanwhile.
        while verified < 6 or len(proxy.log.segments()) < 4:
            done = audit("verify", proxy.log.directory, check=None)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "being written" in done.stdout
            verified += 1
    finally:
        stop.set()
        thread.join()
    assert proxy.stop() == 0
    done = audit("verify", proxy.log.directory, check=None)
    assert done.returncode == 0 and "being written" not in done.stdout


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])
def test_after_a_full_disk_the_log_goes_on(make_proxy, tmp_path, pki, is_secure):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk],
                      capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    proxy = make_proxy(start=False)
    context = context_of(str(pki.root_file))

    def ask(target, fields=None):
        message = request(target=target, fields=fields)
        if not is_secure:
            return once(proxy.address, message)
        client = TLSClient(proxy.address, context)
        try:
            return client.ask(message)
        finally:
            client.sock.close()

    try:
        if is_secure:
            proxy.config["listeners"]["public"]["tls"] = {"certificates": [pki.ec.settings]}
        proxy.config["audit"].update(directory=str(disk / "audit"), rotate={"size": "1MiB"})
        proxy.file.write_text(yaml.safe_dump(proxy.config, sort_keys=False))
        proxy.log = type(proxy.log)(disk / "audit")
        proxy.start()
        kept = ask("/health")
        proxy.record(kept)
        # What is left is taken away: the next frame finds no room in this file, nor in another.
        with open(disk / "other", "wb", buffering=0) as other:
            try:
                while True:
                    other.write(bytes(4096))
            except OSError:
                pass
        end = time.monotonic() + 30
        refused = None
        while not refused or not any(
                "audit log can't be written (disk_full)" in line for line in proxy.lines):
            assert time.monotonic() < end, "".join(proxy.lines)
            try:
                answer = ask(
                    f"/health?{os.urandom(8).hex()}", {"User-Agent": os.urandom(120).hex()})
                refused = answer if answer.status == 503 else refused
            except Exception:  # noqa: BLE001 a refusal closes the connection
                pass
        assert refused.reason in ("audit.unavailable", "audit.backlog")
        proxy.kill()
        subprocess.run(["mount", "-o", "remount,size=32m", disk], check=True)
        proxy.start()
        assert ask("/health").status == 200
        assert proxy.record(kept)["status"] == 200
        assert proxy.stop() == 0
        done = audit("verify", proxy.log.directory, check=None)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        if proxy.process and proxy.process.poll() is None:
            proxy.kill()
        subprocess.run(["umount", disk], capture_output=True)
