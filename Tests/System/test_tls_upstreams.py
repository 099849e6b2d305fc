"""TLS towards upstreams: nginx, and peers that no proxy should believe."""

import json
import socket
import ssl
import threading

import pytest

from harness.client import Client, once, request
from harness.nginx import Nginx
from harness.waiting import until

ASK = request(target="/open/tls")


@pytest.fixture(scope="session")
def start_nginx(tmp_path_factory):
    running = []

    def start(identity, more: str = "", protocols: str = "TLSv1.2 TLSv1.3",
              keepalive: int = 60) -> Nginx:
        server = Nginx(tmp_path_factory.mktemp("nginx-tls"), tls=(
            f"ssl_certificate {identity.cert_file}; ssl_certificate_key {identity.key_file};"
            f"ssl_protocols {protocols}; ssl_session_cache shared:tls:1m; {more}"),
            keepalive=keepalive)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def good_nginx(start_nginx, pki):
    return start_nginx(pki.ec)


@pytest.fixture
def through(make_proxy):
    """A proxy whose one upstream is that port, spoken to over TLS."""
    def make(port: int, workers: int = 1, host: str = "127.0.0.1", **tls):
        return make_proxy(workers=workers, upstreams={"main": {
            "endpoints": [f"https://{host}:{port}"], **({"tls": tls} if tls else {}),
            "timeouts": {"connect": "2s", "response": "5s", "stall": "5s"}}})
    return make


def facts(proxy) -> dict:
    response = once(proxy.address, ASK)
    assert response.status == 200, response.body
    return json.loads(response.body)


def refused(proxy, reason: str) -> dict:
    response = once(proxy.address, ASK)
    assert (response.status, response.reason) == (502, reason), response.body
    record = proxy.record(response)
    assert record["outcome"] == "error" and record["error"]["source"] == "upstream"
    return record


def test_a_verified_upstream(through, good_nginx, pki):
    proxy = through(good_nginx.port, ca=str(pki.root_file), server_name="api.test")
    said = facts(proxy)
    assert said["ssl_protocol"] == "TLSv1.3"
    assert said["ssl_server_name"] == "api.test"
    assert said["ssl_alpn_protocol"] == "http/1.1"
    assert said["ssl_client_verify"] == "NONE"


def test_the_endpoints_own_name_is_verified(through, good_nginx, pki):
    """An address has no server name; the certificate must say the address itself."""
    proxy = through(good_nginx.port, ca=str(pki.root_file))
    assert facts(proxy)["ssl_server_name"] == ""


def test_connections_are_reused(through, good_nginx, pki):
    proxy = through(good_nginx.port, ca=str(pki.root_file))
    with Client(proxy.address) as client:
        numbers = set()
        for _ in range(5):
            response = client.ask(ASK)
            numbers.add(json.loads(response.body)["connection"])
    assert len(numbers) == 1
    assert proxy.record(response)["upstream"]["reused"] is True


@pytest.mark.parametrize("protocols", ["TLSv1.2", "TLSv1.3"])
def test_sessions_are_reused(through, start_nginx, pki, protocols):
    server = start_nginx(pki.ec, protocols=protocols, keepalive=0)
    proxy = through(server.port, ca=str(pki.root_file))
    said = [facts(proxy) for _ in range(6)]
    assert len({one["connection"] for one in said}) == 6
    assert [one["ssl_session_reused"] for one in said] == ["."] + ["r"] * 5
    assert {one["ssl_protocol"] for one in said} == {protocols}


def test_large_bodies_both_ways(through, good_nginx, pki):
    proxy = through(good_nginx.port, ca=str(pki.root_file))
    body = bytes(range(256)) * 8192
    (good_nginx.www / "large").write_bytes(body)
    response = once(proxy.address, request(target="/open/files/large"))
    assert response.status == 200 and response.body == body
    response = once(proxy.address, request("PUT", "/open/upload/put", body=body), "PUT")
    assert response.status in (201, 204), response.head.raw


def test_a_certificate_for_another_name(through, good_nginx, pki):
    refused(through(good_nginx.port, ca=str(pki.root_file), server_name="other.test"),
            "upstream.certificate_refused")


def test_a_certificate_for_no_address(through, start_nginx, pki):
    refused(through(start_nginx(pki.other).port, ca=str(pki.root_file)),
            "upstream.certificate_refused")


def test_a_wildcard_certificate(through, start_nginx, pki):
    server = start_nginx(pki.wildcard)
    proxy = through(server.port, ca=str(pki.root_file), server_name="one.wild.test")
    assert facts(proxy)["ssl_server_name"] == "one.wild.test"
    refused(through(server.port, ca=str(pki.root_file), server_name="a.one.wild.test"),
            "upstream.certificate_refused")


def test_an_expired_certificate(through, start_nginx, pki):
    server = start_nginx(pki.expired_server)
    refused(through(server.port, ca=str(pki.root_file), server_name="api.test"),
            "upstream.certificate_refused")


def test_an_unknown_authority(through, good_nginx, pki):
    refused(through(good_nginx.port, ca=str(pki.strange_root_file)),
            "upstream.certificate_refused")
    # The system's authorities, which know nothing of a test's.
    refused(through(good_nginx.port), "upstream.certificate_refused")


def test_a_certificate_that_is_for_clients_only(through, start_nginx, pki):
    refused(through(start_nginx(pki.named_client).port, ca=str(pki.client_root_file),
                    server_name="named.client.test"), "upstream.certificate_refused")


def test_nothing_of_a_request_reaches_an_upstream_that_is_refused(through, pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.other.cert_file, pki.other.key_file)
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            for _ in range(3):
                try:
                    plain, _ = listener.accept()
                    with context.wrap_socket(plain, server_side=True) as sock:
                        seen.append(sock.recv(4096))
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        refused(through(listener.getsockname()[1], ca=str(pki.root_file)),
                "upstream.certificate_refused")
    assert not any(seen), seen


def test_our_own_certificate(through, start_nginx, pki):
    server = start_nginx(pki.ec, f"ssl_client_certificate {pki.client_root_file};"
                                 "ssl_verify_client on; ssl_verify_depth 3;")
    proxy = through(server.port, ca=str(pki.root_file), client_certificate=pki.client.settings)
    said = facts(proxy)
    assert said["ssl_client_verify"] == "SUCCESS"
    assert said["ssl_client_s_dn"] == "CN=client,O=Tests"
    without = once(through(server.port, ca=str(pki.root_file)).address, ASK)
    assert without.status == 400 and b"No required SSL certificate" in without.body


def test_an_upstream_that_speaks_no_tls(through, nginx, pki):
    refused(through(nginx.port, ca=str(pki.root_file)), "upstream.tls_failed")


def test_an_upstream_of_an_old_version(through, start_nginx, pki):
    server = start_nginx(pki.ec, protocols="TLSv1.2")
    proxy = through(server.port, ca=str(pki.root_file), min_version="1.3")
    refused(proxy, "upstream.tls_failed")
    assert facts(through(server.port, ca=str(pki.root_file)))["ssl_protocol"] == "TLSv1.2"


def test_an_upstream_that_never_shakes_hands(through, pki):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = through(listener.getsockname()[1], ca=str(pki.root_file))
        response = once(proxy.address, ASK)
        assert response.status == 504
        assert response.reason in ("upstream.connect_timeout", "upstream.response_timeout")


def test_an_answer_cut_off_without_close_notify(through, pki):
    """Its length is not known otherwise: what came may be half of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.ec.cert_file, pki.ec.key_file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            plain, _ = listener.accept()
            sock = context.wrap_socket(plain, server_side=True)
            sock.recv(4096)
            sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
            socket.socket(fileno=sock.detach()).close()

        threading.Thread(target=serve, daemon=True).start()
        proxy = through(listener.getsockname()[1], ca=str(pki.root_file))
        with Client(proxy.address) as client:
            client.send(ASK)
            client.reader.rest()
            record = proxy.log.of(client.port)[0].core
    assert record["reason"] == "upstream.truncated", record


@pytest.mark.parametrize("name", ["expired_server", "other"])
def test_any_certificate_is_accepted_when_the_settings_say_so(through, start_nginx, pki, name):
    server = start_nginx(getattr(pki, name))
    proxy = through(server.port, accept_any_certificate=True)
    assert facts(proxy)["ssl_protocol"] == "TLSv1.3"
    event = proxy.log.events("upstream_verification_disabled")[0]
    assert event["upstream"] == "main"
    assert any("main" in line and "accept_any_certificate" in line for line in proxy.lines), (
        proxy.lines)


def test_sessions_are_not_reused_past_a_refusal(through, start_nginx, pki, tmp_path):
    """A worker that refused an endpoint goes on refusing it."""
    proxy = through(start_nginx(pki.other).port, ca=str(pki.root_file))
    for _ in range(4):
        refused(proxy, "upstream.certificate_refused")


def test_an_upstreams_own_certificate_is_reloaded(through, start_nginx, pki, tmp_path):
    authority = tmp_path / "ca.pem"
    authority.write_bytes(pki.strange_root_file.read_bytes())
    server = start_nginx(pki.ec, keepalive=0)
    proxy = through(server.port, ca=str(authority))
    refused(proxy, "upstream.certificate_refused")
    new = tmp_path / "new.pem"
    new.write_bytes(pki.root_file.read_bytes())
    new.replace(authority)
    until(lambda: once(proxy.address, ASK).status == 200, "the new authority")
