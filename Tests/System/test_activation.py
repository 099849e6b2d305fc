"""Sockets that systemd opens: by name, several or one for all workers, and which are refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.client import Client, once, request
from harness.proxy import BINARY, Proxy
from harness.systemd import listening, passing
from harness.waiting import until

SOCKET = {"public": {"socket": "systemd:https"}}


@pytest.fixture
def make(make_proxy):
    """Starts a proxy that is passed these descriptors under these names."""

    def start(names, descriptors, start=True, **changes) -> Proxy:
        proxy = make_proxy(start=False, **{"listeners": SOCKET, **changes})
        proxy.watcher = passing(names, descriptors)
        proxy.options = {"pass_fds": [each.fileno() for each in descriptors]}
        proxy.passed = descriptors
        return proxy.start() if start else proxy

    return start


def refusal(proxy: Proxy) -> str:
    with pytest.raises(RuntimeError) as failure:
        proxy.start()
    assert "exit 1" in str(failure.value)
    return str(failure.value)


def accepted(proxy: Proxy) -> dict[str, float]:
    """Connections that each worker has taken."""
    where = next(found for line in proxy.lines
                 if (found := re.search(r"health and metrics on (\S+):(\d+)", line)))
    page = once((where[1], int(where[2])), request(target="/metrics")).body.decode()
    return {worker: float(count) for worker, count in re.findall(
        r'^sallyport_connections_accepted_total{worker="(\d+)"} (\S+)$', page, re.MULTILINE)}


def test_one_socket_is_shared_evenly(make):
    shared = listening()
    proxy = make(["https"], [shared], workers=4, metrics={"address": "127.0.0.1:0"})
    assert proxy.address == shared.getsockname()
    # One after the other: the workers all wait, and the kernel wakes them in turn.
    for _ in range(200):
        assert once(proxy.address, request(target="/health")).status == 200
    spread = until(lambda: (
        found := accepted(proxy)) and sum(found.values()) == 200 and found, "all are counted")
    # 50 each on a machine with nothing else to do; a worker that has no processor misses its turn.
    assert len(spread) == 4 and min(spread.values()) >= 15 and max(spread.values()) <= 90, spread


def test_a_burst_on_a_shared_socket_is_answered_whole(make):
    shared = listening()
    proxy = make(["https"], [shared], workers=3)
    clients = [Client(proxy.address) for _ in range(150)]
    for client in clients:
        client.send(request(target="/health"))
    assert all(client.response().status == 200 for client in clients)
    for client in clients:
        client.reset()


def test_what_one_worker_has_no_room_for_another_takes(make):
    shared = listening()
    proxy = make(["https"], [shared], workers=2, limits={"connections": 16})
    idle = [Client(proxy.address) for _ in range(31)]
    for client in idle:
        client.send(request(target="/health"))
        assert client.response().status == 200
    assert once(proxy.address, request(target="/health")).status == 200
    for client in idle:
        client.reset()


def test_each_worker_has_its_own_socket(make):
    first = listening(reuse=True)
    second = listening(first.getsockname()[1], reuse=True)
    proxy = make(["https", "https"], [first, second], workers=2,
                 metrics={"address": "127.0.0.1:0"})
    for _ in range(100):
        assert once(proxy.address, request(target="/health")).status == 200
    spread = until(lambda: (
        found := accepted(proxy)) and sum(found.values()) == 100 and found, "all are counted")
    assert min(spread.values()) >= 20, spread


def test_more_sockets_than_workers_are_all_served(make):
    sockets = [listening() for _ in range(5)]
    proxy = make(["https"] * 5, sockets, workers=2)
    for each in sockets:
        assert once(each.getsockname(), request(target="/health")).status == 200
    assert proxy.stop() == 0


def test_metrics_and_plain_addresses_beside_sockets(make):
    web, metrics = listening(), listening()
    proxy = make(["https", "metrics"], [web, metrics],
                 listeners={**SOCKET, "own": {"address": "127.0.0.1:0"}},
                 metrics={"socket": "systemd:metrics"})
    for address in proxy.addresses.values():
        assert once(address, request(target="/health")).status == 200
    until(lambda: once(metrics.getsockname(), request(target="/readyz")).status == 200, "ready")


def test_descriptors_do_not_block_and_go_no_further(make):
    shared = listening()
    proxy = make(["https"], [shared], workers=2)
    flags = [line for number in (3, 4, 5) if os.path.exists(f"/proc/{proxy.pid}/fdinfo/{number}")
             for line in open(f"/proc/{proxy.pid}/fdinfo/{number}") if line.startswith("flags:")]
    own = int(flags[0].split()[1], 8)
    assert own & os.O_NONBLOCK and own & 0o2000000


def test_a_drain_ends_although_the_socket_stays_open(make):
    shared = listening()
    proxy = make(["https"], [shared], workers=2)
    with Client(proxy.address) as client:
        client.send(request(target="/health"))
        assert client.response().status == 200
    assert proxy.stop() == 0
    # It waits for the next start, as systemd keeps it.
    with socket.create_connection(shared.getsockname()) as waiting:
        waiting.sendall(request(target="/health"))
        again = make(["https"], [shared], workers=2)
        assert waiting.recv(12) == b"HTTP/1.1 200"
        assert again.stop() == 0


def test_no_connection_is_refused_over_restarts(make):
    """Clients connect all the time while the service stops and starts: they wait in the socket."""
    shared = listening()
    stop, outcomes = threading.Event(), []

    def connect():
        while not stop.is_set():
            try:
                outcomes.append(once(shared.getsockname(), request(target="/health")).status)
            except (OSError, AssertionError) as error:
                outcomes.append(repr(error))
    proxy = make(["https"], [shared], workers=2)
    threads = [threading.Thread(target=connect) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            time.sleep(0.3)
            assert proxy.stop() == 0
            before = len(outcomes)
            proxy.start()
            until(lambda: len(outcomes) > before + 20, "it serves again")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(outcomes) == {200}, outcomes
    assert proxy.stop() == 0


def test_a_reload_keeps_the_sockets(make):
    shared = listening()
    proxy = make(["https"], [shared], workers=2)
    proxy.config["listeners"] = {"public": {**SOCKET["public"], "trusted_proxies": "10.0.0.0/8"}}
    reload(proxy, "settings are in use: generation 2")
    for _ in range(10):
        assert once(proxy.address, request(target="/health")).status == 200
    proxy.config["listeners"] = {"public": {"address": "127.0.0.1:0"}}
    reload(proxy, "which sockets systemd opens can't be changed by a reload: restart instead")
    assert once(proxy.address, request(target="/health")).status == 200


def reload(proxy: Proxy, answer: str) -> None:
    proxy.file.write_text(json.dumps(proxy.config))
    proxy.process.send_signal(signal.SIGHUP)
    until(lambda: any(answer in line for line in proxy.lines), answer)


@pytest.mark.parametrize("kind, words", [
    ("datagram", "is a datagram socket"), ("silent", "is a TCP socket that does not listen"),
    ("local", "is a Unix socket"), ("file", "is no socket")])
def test_other_descriptors_are_refused_by_name(make, tmp_path, kind, words):
    opened = {
        "datagram": lambda: socket.socket(type=socket.SOCK_DGRAM),
        "silent": socket.socket,
        "local": lambda: socket.socket(socket.AF_UNIX),
        "file": lambda: open(tmp_path / "file", "w"),
    }[kind]()
    text = refusal(make(["https"], [opened], start=False))
    assert f"listener public: descriptor 3 ('https') from systemd {words}" in text


def test_names_that_do_not_match_are_refused(make, make_proxy):
    text = refusal(make(["http"], [listening()], start=False))
    assert "no socket named 'https' (FileDescriptorName=), only 'http'" in text
    text = refusal(make(["https", "old"], [listening(), listening()], start=False))
    assert "descriptor 4 ('old'), which no listener names" in text
    text = refusal(make(["https", "m", "m"], [listening(), listening(), listening()], start=False,
                        metrics={"socket": "systemd:m"}))
    assert "listener metrics: systemd has passed" in text and "only one is taken here" in text
    text = refusal(make_proxy(start=False, listeners=SOCKET))
    assert "listener public: systemd has passed no socket to this process" in text


def test_sockets_of_another_process_are_not_taken(make_proxy):
    proxy = make_proxy(start=False, listeners=SOCKET)
    with listening() as foreign:
        proxy.environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "https"}
        proxy.options = {"pass_fds": [foreign.fileno()]}
        assert "LISTEN_PID for this process" in refusal(proxy)


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd")
def test_systemd_starts_it_at_the_first_connection(make_proxy):
    proxy = make_proxy(start=False, listeners=SOCKET)
    with listening() as free:
        port = free.getsockname()[1]
    activator = subprocess.Popen(
        ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--fdname=https", BINARY,
         "serve", "--config", proxy.file], stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: listens(port), "systemd listens")
        began = time.monotonic()
        assert once(("127.0.0.1", port), request(target="/health")).status == 200
        took = time.monotonic() - began
        print(f"from the first connection to its answer: {took * 1000:.0f} ms")
        limit = os.environ.get("SALLYPORT_COLD_START_MS")
        assert took * 1000 < float(limit or 5000)
    finally:
        activator.terminate()
        assert activator.wait(20) == 0


def listens(port: int) -> bool:
    """Whether the kernel has a listening socket there, without a connection to it."""
    listening_state = "0A"
    return any(
        (fields := line.split())[1].endswith(f":{port:04X}") and fields[3] == listening_state
        for line in open("/proc/net/tcp").readlines()[1:])
