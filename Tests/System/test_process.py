"""The process itself: threads, limits, descriptors."""

import os
import signal
import time
from pathlib import Path

import harness.proxy as proxy_module
from harness.client import Client, Closed, once, request
from harness.proxy import BINARY, run


def threads(proxy) -> dict[str, str]:
    out = {}
    for task in Path(f"/proc/{proxy.pid}/task").iterdir():
        status = (task / "status").read_text()
        allowed = next(line.split(":")[1].strip() for line in status.splitlines()
                       if line.startswith("Cpus_allowed_list"))
        out[(task / "comm").read_text().strip()] = allowed
    return out


def test_workers_are_pinned_threads(proxy):
    found = threads(proxy)
    assert {"worker-0", "worker-1", "audit-writer"} <= set(found)
    allowed = sorted(os.sched_getaffinity(0))
    for index in range(min(2, len(allowed))):
        assert found[f"worker-{index}"] == str(allowed[index])


def test_descriptors_are_raised_to_the_hard_limit(proxy):
    limits = Path(f"/proc/{proxy.pid}/limits").read_text().splitlines()
    soft, hard = next(line for line in limits if line.startswith("Max open files")).split()[3:5]
    assert soft == hard


def test_broken_pipes_are_no_signal(proxy):
    status = Path(f"/proc/{proxy.pid}/status").read_text().splitlines()
    ignored = int(next(line for line in status if line.startswith("SigIgn")).split()[1], 16)
    assert ignored & 1 << (signal.SIGPIPE - 1)


def descriptors(proxy) -> int:
    return len(list(Path(f"/proc/{proxy.pid}/fd").iterdir()))


def test_no_descriptor_is_left_behind(make_proxy, upstream):
    """Whatever way a connection ends, its descriptors go."""
    proxy = make_proxy()

    @upstream.on("/open/die")
    def die(exchange):
        exchange.reset()
        return False

    @upstream.on("/open/hang")
    def hang(exchange):
        exchange.wait_closed()
        return False

    for _ in range(4):
        assert once(proxy.address, request(target="/open/x")).status == 200
    before = descriptors(proxy)
    for _ in range(40):
        once(proxy.address, request(target="/open/die"))
        once(proxy.address, b"nonsense\r\n\r\n")
        leaving = Client(proxy.address)
        leaving.send(request(target="/open/hang"))
        upstream.last("/open/hang")
        leaving.reset()
        silent = Client(proxy.address)
        silent.send(b"GET /half")
        silent.sock.close()
    end = time.monotonic() + 5
    # An idle upstream connection or two per worker may be kept.
    while descriptors(proxy) > before + 4:
        assert time.monotonic() < end, (before, descriptors(proxy))
        time.sleep(0.02)


def test_all_workers_take_connections(proxy):
    workers = {once(proxy.address, request(target="/health")).receipt.split(".")[2]
               for _ in range(60)}
    assert workers == {"0", "1"}


def test_a_missing_settings_file_is_named():
    done = run(BINARY, "serve", "--config", "/nowhere/at-all.yaml", check=None)
    assert done.returncode != 0 and "/nowhere/at-all.yaml" in done.stderr


def test_the_version_is_said():
    assert run(BINARY, "--version").stdout.strip()


def test_clients_leave_descriptors_to_the_log(make_proxy, tmp_path, monkeypatch):
    """Whoever opens all the connections there can be must not stop the log with that."""
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -n 96\nexec {proxy_module.BINARY} "$@"\n')
    limited.chmod(0o755)
    monkeypatch.setattr(proxy_module, "BINARY", limited)
    proxy = make_proxy(workers=1)
    clients = [Client(proxy.address, timeout=1) for _ in range(120)]
    answered = 0
    for client in clients:
        try:
            answered += client.ask(request(target="/health")).status == 200
        except (Closed, OSError):
            continue
    assert 30 < answered < 80
    # The log, each checkpoint of which is a new file, goes on while no further client is let in.
    response = clients[0].ask(request(target="/open/x"))
    assert response.status == 200, response.body
    assert proxy.record(response)["status"] == 200
    for client in clients:
        client.sock.close()
    end = time.monotonic() + 5
    while True:
        try:
            assert once(proxy.address, request(target="/health")).status == 200
            break
        except (Closed, OSError):
            assert time.monotonic() < end
    assert not any("critical" in line for line in proxy.lines)
