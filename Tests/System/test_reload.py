"""SIGHUP: the settings are taken from their file again, and no request is dropped or delayed."""

import json
import os
import signal
import socket
import threading
import time

import pytest
import yaml

from harness.client import Client, once, request
from harness.tokens import TokenMaker
from harness.waiting import until


def rewrite(proxy, change=None, text=None) -> None:
    """Puts other settings in the file, as an editor does: by a rename."""
    if change:
        change(proxy.config)
    place = proxy.file.with_suffix(".new")
    place.write_text(text or yaml.safe_dump(json.loads(json.dumps(proxy.config)), sort_keys=False))
    place.rename(proxy.file)


def reload(proxy, change=None, text=None, taken=True) -> list[str]:
    """Reloads, and waits for what the proxy says about it; the lines it said."""
    before = len(proxy.lines)
    rewrite(proxy, change, text)
    proxy.process.send_signal(signal.SIGHUP)
    sign = "settings are in use" if taken else "the settings stay as they were"
    other = "the settings stay as they were" if taken else "settings are in use"

    def said():
        lines = proxy.lines[before:]
        assert not any(other in line for line in lines), "".join(lines)
        return any(sign in line for line in lines) and lines
    return until(said, sign)


def port_of(proxy, name) -> int:
    line = until(
        lambda: next((line for line in reversed(proxy.lines) if f"({name})" in line), None), name)
    return int(line.rsplit(":", 1)[1].split()[0])


def respond(name, path, body) -> dict:
    return {"name": name, "match": {"path": path}, "auth": "none",
            "respond": {"status": 200, "body": body}}


def test_routes_change_also_on_connections_that_stay(make_proxy):
    proxy = make_proxy()
    with Client(proxy.address) as client:
        assert client.ask(request(target="/new")).status == 404

        def add(config):
            config["routes"].insert(0, respond("new", "/new", "here"))
        reload(proxy, add)
        answer = client.ask(request(target="/new"))
        assert (answer.status, answer.body) == (200, b"here")
        reload(proxy, lambda config: config["routes"].pop(0))
        assert client.ask(request(target="/new")).status == 404
    assert proxy.stop() == 0
    names = [(record.core.get("route"), record.core["status"]) for record in proxy.log.where(
        lambda record: record.detail.get("path") == "/new")]
    assert names == [(None, 404), ("new", 200), (None, 404)]


def test_a_reload_is_recorded_with_who_and_what(make_proxy):
    proxy = make_proxy()
    reload(proxy, lambda config: config["routes"].insert(0, respond("x", "/x", "x")))
    assert proxy.stop() == 0
    (event,) = proxy.log.events("reload")
    (start,) = proxy.log.events("start")
    import hashlib
    assert event["config_before"] == start["config"]
    assert event["config"] == hashlib.sha256(proxy.file.read_bytes()).hexdigest()
    assert (event["uid"], event["pid"], event["generation"]) == (os.getuid(), os.getpid(), 2)


@pytest.mark.parametrize("text, said", [
    ("version: 1\nlisteners: {}\n", "listeners"),
    ("version: 2\n", "version"),
    ("a: [", "sallyport.yaml"),
])
def test_a_bad_file_changes_nothing_and_says_every_error(make_proxy, text, said):
    proxy = make_proxy()
    good = proxy.file.read_text()
    lines = reload(proxy, text=text, taken=False)
    assert any(said in line and "error" in line for line in lines), lines
    assert once(proxy.address, request(target="/health")).status == 200
    # The next good one is taken.
    reload(proxy, text=good)
    assert proxy.stop() == 0
    (event,) = proxy.log.events("reload_refused")
    assert said in event["why"] and event["uid"] == os.getuid()


def test_what_needs_a_restart_is_refused_by_name(make_proxy):
    proxy = make_proxy()

    def change(config):
        config["workers"] = 1
        config["audit"]["checkpoint"] = "2s"
    lines = reload(proxy, change, taken=False)
    for key in ("workers", "audit.checkpoint"):
        assert any(f"{key} can't be changed by a reload" in line for line in lines), lines


def test_a_listener_is_added_and_removed_and_the_others_stay(make_proxy):
    proxy = make_proxy()
    with Client(proxy.address) as client:
        assert client.ask(request(target="/health")).status == 200

        def add(config):
            config["listeners"] = {"second": {"address": "127.0.0.1:0"}, **config["listeners"]}
        reload(proxy, add)
        second = ("127.0.0.1", port_of(proxy, "second"))
        assert once(second, request(target="/health")).status == 200
        assert client.ask(request(target="/health")).status == 200
        with Client(second) as other:
            assert other.ask(request(target="/health")).status == 200
            reload(proxy, lambda config: config["listeners"].pop("second"))
            assert other.is_closed()
        assert client.ask(request(target="/health")).status == 200
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(second, timeout=5)
    assert proxy.stop() == 0
    listeners = [record.core["listener"] for record in proxy.log.where(
        lambda record: record.detail.get("path") == "/health")]
    assert sorted(listeners) == ["public"] * 3 + ["second"] * 2


def test_an_address_in_use_refuses_the_reload(make_proxy):
    proxy = make_proxy()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        def add(config):
            config["listeners"]["second"] = {"address": address}
        lines = reload(proxy, add, taken=False)
        assert any(address in line and "second" in line for line in lines), lines
    assert once(proxy.address, request(target="/health")).status == 200


def test_a_request_under_way_ends_under_the_settings_it_began_with(make_proxy, upstream, path):
    proxy = make_proxy()
    begun, go_on = threading.Event(), threading.Event()

    @upstream.on(path)
    def slow(exchange):
        begun.set()
        assert go_on.wait(20)
        exchange.respond(b"late")
    target = f"/open{path}" if not path.startswith("/open") else path
    with Client(proxy.address) as client:
        client.send(request(target=target))
        assert begun.wait(10)

        def change(config):
            config["routes"] = [route for route in config["routes"] if route["name"] != "open"]
            config["upstreams"]["main"]["endpoints"] = ["http://127.0.0.1:1"]
        reload(proxy, change)
        reload(proxy, lambda config: config["routes"].insert(0, respond("first", "/f", "f")))
        go_on.set()
        answer = client.response()
        assert (answer.status, answer.body) == (200, b"late")
        # The next one on the same connection is judged by the new settings.
        assert client.ask(request(target=target)).status == 404
    assert proxy.stop() == 0
    first, second = proxy.log.where(lambda record: record.detail.get("path") == target
                                    and record.kind != "decision")
    assert (first.core["route"], first.core["upstream"]["name"]) == ("open", "main")
    assert first.core["upstream"]["endpoint"] == f"127.0.0.1:{upstream.port}"
    assert second.core.get("route") is None
    assert first.core["config"] != second.core["config"]


def test_upstream_connections_are_kept_where_the_endpoint_stays(make_proxy, upstream, path):
    proxy = make_proxy(workers=1)

    @upstream.on(path)
    def echo(exchange):
        exchange.respond(b"ok")
    with Client(proxy.address) as client:
        assert client.ask(request(target=path)).status == 200
        number = upstream.last(path).connection

        def change(config):
            config["upstreams"] = {
                "before": {"endpoints": ["http://127.0.0.1:1"]}, **config["upstreams"]}
        reload(proxy, change)
        assert client.ask(request(target=path)).status == 200
        assert upstream.last(path).connection == number


def test_what_was_counted_of_a_limit_stays(make_proxy):
    proxy = make_proxy(workers=1)
    for _ in range(3):
        assert once(proxy.address, request(target="/by-address/x")).status != 429
    assert once(proxy.address, request(target="/by-address/x")).status == 429

    def change(config):
        config["rate_limits"] = {
            "another": {"key": "client_ip", "rate": "1/m", "burst": 9}, **config["rate_limits"]}
    reload(proxy, change)
    assert once(proxy.address, request(target="/by-address/x")).status == 429


def test_keys_of_an_issuer_change(make_proxy, tokens):
    proxy = make_proxy()
    good = request(target="/secure/x", fields={"Authorization": f"Bearer {tokens.make()}"})
    with Client(proxy.address) as client:
        assert client.ask(good).status != 401
        keys = proxy.directory / "jwks.json"
        before = keys.read_text()
        keys.write_text(json.dumps(TokenMaker().jwks()))
        reload(proxy)
        assert client.ask(good).status == 401
        keys.write_text(before)
        reload(proxy)
        assert client.ask(good).status != 401


def test_names_of_earlier_settings_are_forgotten_and_records_keep_theirs(make_proxy):
    """Many reloads under requests: every record names the route of its own settings."""
    proxy = make_proxy()
    stop, failures, asked = threading.Event(), [], [0]

    def load():
        with Client(proxy.address) as client:
            while not stop.is_set():
                answer = client.ask(request(target="/who"))
                asked[0] += 1
                if answer.status not in (200, 404):
                    failures.append(answer.status)
    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            def change(config):
                config["routes"] = [route for route in config["routes"]
                                    if not route["name"].startswith("who")]
                config["routes"].insert(0, respond(f"who-{number}", "/who", f"{number}"))
            reload(proxy, change)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures and asked[0] > 20
    assert proxy.stop() == 0
    configs = {event["config"]: f"who-{number}"
               for number, event in enumerate(proxy.log.events("reload"))}
    records = proxy.log.where(lambda record: record.detail.get("path") == "/who")
    assert len(records) == asked[0]
    for record in records:
        route = {config[:32]: name for config, name in configs.items()}.get(record.core["config"])
        assert record.core.get("route") == route, record.core


def test_many_reloads_leave_no_descriptor_and_no_thread_behind(make_proxy):
    proxy = make_proxy()

    def counts():
        base = f"/proc/{proxy.pid}"
        return len(os.listdir(f"{base}/fd")), len(os.listdir(f"{base}/task"))
    reload(proxy)
    before = counts()
    for _ in range(10):
        def add(config):
            config["listeners"]["second"] = {"address": "127.0.0.1:0"}
        reload(proxy, add)
        reload(proxy, lambda config: config["listeners"].pop("second"))
    until(lambda: counts() <= before, f"descriptors and threads as before: {before}")


def test_a_queued_connection_of_a_listener_that_is_closed_gets_its_answer(make_proxy):
    """Connections that the kernel has taken before the listener went, also silent ones."""
    proxy = make_proxy()

    def add(config):
        config["listeners"]["second"] = {"address": "127.0.0.1:0"}
    reload(proxy, add)
    second = ("127.0.0.1", port_of(proxy, "second"))
    stop, outcomes = threading.Event(), []

    def connect():
        while not stop.is_set():
            try:
                client = Client(second)
            except OSError:
                outcomes.append("refused")
                return
            with client:
                # Late enough to be in the queue, early enough for the time that is given.
                time.sleep(0.05)
                try:
                    outcomes.append(client.ask(request(target="/health")).status)
                except (AssertionError, OSError) as error:
                    outcomes.append(repr(error))
    threads = [threading.Thread(target=connect) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    reload(proxy, lambda config: config["listeners"].pop("second"))
    stop.set()
    for thread in threads:
        thread.join(30)
    assert outcomes.count(200) >= 8
    assert set(outcomes) <= {200, "refused"}, outcomes


def test_a_certificate_of_a_listener_is_another_file(make_proxy, pki):
    first = pki.server("reload-1", "dns:one.test")
    second = pki.server("reload-2", "dns:two.test")

    def listener(issued):
        return {"address": "127.0.0.1:0", "tls": {"certificates": [issued.settings]}}
    proxy = make_proxy(listeners={"secure": listener(first)})
    assert names(proxy.addresses["secure"]) == ["one.test"]
    reload(proxy, lambda config: config["listeners"].update(secure=listener(second)))
    assert names(proxy.addresses["secure"]) == ["two.test"]
    # And is watched from now on.
    second.cert_file.write_bytes(first.cert_file.read_bytes())
    second.key_file.write_bytes(first.key_file.read_bytes())
    until(lambda: names(proxy.addresses["secure"]) == ["one.test"], "the files are watched")


def names(address) -> list[str]:
    import ssl

    from cryptography import x509
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address, timeout=10) as raw, \
            context.wrap_socket(raw) as secure:
        found = x509.load_der_x509_certificate(secure.getpeercert(True))
    return found.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_connections_end_that_were_verified_otherwise(make_proxy, pki):
    """A listener that asks for certificates now: what did not show one may not go on."""
    import ssl
    context = ssl.create_default_context(cafile=str(pki.root_file))
    context.check_hostname = False
    certificates = [pki.ec.settings]
    proxy = make_proxy(listeners={
        "secure": {"address": "127.0.0.1:0", "tls": {"certificates": certificates}},
        "other": {"address": "127.0.0.1:0", "tls": {"certificates": certificates}}})

    def ask(secure) -> bytes:
        secure.sendall(request(target="/health"))
        return secure.recv(4096)

    def connect(name):
        raw = socket.create_connection(proxy.addresses[name], timeout=10)
        return context.wrap_socket(raw)
    with connect("secure") as first, connect("other") as second:
        assert b"200" in ask(first) and b"200" in ask(second)

        def demand(config):
            config["listeners"]["secure"]["tls"] = {
                "certificates": certificates, "client_ca": str(pki.client_root_file),
                "client_auth": "require"}
        reload(proxy, demand)
        assert first.recv(4096) == b""
        assert b"200" in ask(second)
    with pytest.raises((ssl.SSLError, ConnectionError)), connect("secure") as third:
        assert ask(third)
