"""What is negotiated with clients, what is refused, and what the log says of both."""

import json
import re
import socket
import ssl
import subprocess
import time

import pytest

from harness.client import Client, once, request
from harness.tls import (
    LAST, V12, V13, TLSClient, Wire, ask, context_of, ja4, refused, s_client)

MODERN = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
SUITES = {  # OpenSSL's name, IANA's name, key
    f"ECDHE-{key}-{short}": (f"TLS_ECDHE_{key}_WITH_{long}", key)
    for key in ("ECDSA", "RSA")
    for short, long in (("AES128-GCM-SHA256", "AES_128_GCM_SHA256"),
                        ("AES256-GCM-SHA384", "AES_256_GCM_SHA384"),
                        ("CHACHA20-POLY1305", "CHACHA20_POLY1305_SHA256"))}
OLD_SUITES = [
    "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-CCM", "AES128-GCM-SHA256", "AES256-SHA",
    "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-ARIA128-GCM-SHA256", "ECDHE-RSA-CAMELLIA128-SHA256", "AECDH-AES128-SHA",
    "ADH-AES128-GCM-SHA256", "ECDHE-ECDSA-NULL-SHA", "NULL-SHA256"]


def at(proxy, listener: str = "secure"):
    return proxy.addresses[listener]


@pytest.fixture(scope="session")
def trusting(pki):
    """A client that verifies."""
    return context_of(pki.root_file)


# ---- versions and cipher suites

@pytest.mark.parametrize("suite", MODERN)
def test_each_suite_of_tls_1_3(tls_proxy, pki, suite):
    peer = s_client(at(tls_proxy), "-tls1_3", "-ciphersuites", suite, "-CAfile", pki.root_file,
                    "-verify_return_error", data=LAST)
    assert peer.negotiated == ("TLSv1.3", suite), peer.err
    assert "Verify return code: 0 (ok)" in peer.out
    record = tls_proxy.log.of(peer.port)[0].core
    assert (record["tls"]["version"], record["tls"]["cipher"]) == ("1.3", suite)


@pytest.mark.parametrize("suite", SUITES)
def test_each_suite_of_tls_1_2(tls_proxy, pki, suite):
    iana, key = SUITES[suite]
    peer = s_client(at(tls_proxy), "-tls1_2", "-cipher", suite, "-CAfile", pki.root_file,
                    "-verify_return_error", data=LAST)
    assert peer.negotiated == ("TLSv1.2", suite), peer.err
    assert "Secure Renegotiation IS supported" in peer.out
    assert "Extended master secret: yes" in peer.out
    assert "Compression: NONE" in peer.out
    record = tls_proxy.log.of(peer.port)[0].core
    assert (record["tls"]["version"], record["tls"]["cipher"]) == ("1.2", iana)
    assert record["tls"]["sig"].startswith("ecdsa_" if key == "ECDSA" else "rsa_")


@pytest.mark.parametrize("suite", OLD_SUITES)
def test_other_suites_are_refused(tls_proxy, suite):
    peer = s_client(at(tls_proxy), "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
    assert peer.code != 0 and "alert handshake failure" in peer.err, peer.err
    record = tls_proxy.log.failed_handshake(peer.port)
    assert record["reason"] == "tls.no_shared_cipher"
    assert record["tls"]["alert"] == "handshake_failure"


@pytest.mark.parametrize("suite", ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"])
def test_other_suites_of_tls_1_3_are_refused(tls_proxy, suite):
    peer = s_client(at(tls_proxy), "-tls1_3", "-ciphersuites", suite)
    assert peer.code != 0
    assert tls_proxy.log.failed_handshake(peer.port)["reason"] == "tls.no_shared_cipher"


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(tls_proxy, version):
    peer = s_client(at(tls_proxy), version, "-cipher", "ALL:@SECLEVEL=0")
    assert peer.code != 0 and "alert protocol version" in peer.err, peer.err
    record = tls_proxy.log.failed_handshake(peer.port)
    assert record["reason"] == "tls.version_unsupported"
    assert record["tls"]["alert"] == "protocol_version"


def test_a_listener_of_tls_1_3_alone(tls_proxy):
    _, client = ask(at(tls_proxy, "modern"), context_of())
    assert client.port
    port, _ = refused(at(tls_proxy, "modern"), context_of(maximum=V12))
    assert tls_proxy.log.failed_handshake(port)["reason"] == "tls.version_unsupported"


def test_the_server_chooses(tls_proxy):
    """Of what a client offers, in whatever order; ChaCha20 for one that prefers it."""
    first = s_client(at(tls_proxy), "-tls1_2", "-cipher",
                     "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256")
    assert first.negotiated[1] == "ECDHE-ECDSA-AES128-GCM-SHA256"
    mobile = s_client(at(tls_proxy), "-tls1_2", "-cipher",
                      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256")
    assert mobile.negotiated[1] == "ECDHE-ECDSA-CHACHA20-POLY1305"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("group, shown, recorded", [
    ("X25519", "X25519", "x25519"), ("P-256", "ECDH, prime256v1", "secp256r1"),
    ("P-384:P-256:X25519", "", "")])
def test_groups(tls_proxy, version, group, shown, recorded):
    peer = s_client(at(tls_proxy), version, "-groups", group, data=LAST)
    assert shown in (peer.value("Server Temp Key") or "X25519P-256"), peer.out
    record = tls_proxy.log.of(peer.port)[0].core
    assert record["tls"]["group"] == recorded or not recorded


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_no_shared_group(tls_proxy, version):
    peer = s_client(at(tls_proxy), version, "-groups", "P-384")
    assert peer.code != 0
    reason = tls_proxy.log.failed_handshake(peer.port)["reason"]
    # Before TLS 1.3 a suite without a shared curve is no shared suite.
    assert reason == "tls.no_shared_group" or version == "-tls1_2" \
        and reason == "tls.no_shared_cipher"


# ---- what a connection can't do

def test_renegotiation_is_refused(tls_proxy):
    address = at(tls_proxy)
    with subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-tls1_2"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        said = b""
        while b"Extended master secret" not in said:
            said += process.stdout.read1(65536)
        process.stdin.write(b"R\n")
        process.stdin.flush()
        said = process.communicate(timeout=10)[0].decode("latin-1")
    assert "RENEGOTIATING" in said and "no renegotiation" in said, said


def test_a_key_update_is_answered(tls_proxy):
    address = at(tls_proxy)
    with subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-tls1_3"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        said = b""
        while b"Verify return code" not in said:
            said += process.stdout.read1(65536)
        process.stdin.write(b"K\n")
        process.stdin.flush()
        while b"KEYUPDATE" not in said:
            said += process.stdout.read1(65536)
        process.stdin.write(LAST)
        process.stdin.flush()
        # The server ends the connection behind its answer, and s_client with it.
        said = process.stdout.read()
    assert b"HTTP/1.1 200 OK" in said, said


def test_early_data_is_refused(tls_proxy, tmp_path):
    session, early = tmp_path / "session", tmp_path / "early"
    early.write_bytes(LAST)
    first = s_client(at(tls_proxy), "-tls1_3", "-sess_out", session, data=LAST)
    assert re.search(r"Max Early Data: 0\b", first.out) and session.exists(), first.out
    again = s_client(at(tls_proxy), "-tls1_3", "-sess_in", session, "-early_data", early,
                     data=LAST)
    assert "Early data was not sent" in again.out + again.err, again.err
    assert again.was_reused


# ---- ALPN, server names, OCSP

def test_alpn(tls_proxy, trusting):
    _, client = ask(at(tls_proxy), trusting)
    record = tls_proxy.log.of(client.port)[0]
    assert record.core["tls"]["alpn"] == "http/1.1"
    peer = s_client(at(tls_proxy), "-alpn", "h2,http/1.1", data=LAST)
    assert "ALPN protocol: http/1.1" in peer.out
    peer = s_client(at(tls_proxy), data=LAST)
    assert "No ALPN negotiated" in peer.out
    record = tls_proxy.log.of(peer.port)[0]
    assert "alpn" not in record.core["tls"]


def test_alpn_of_other_protocols_is_refused(tls_proxy):
    peer = s_client(at(tls_proxy), "-alpn", "h2,spdy/1")
    assert peer.code != 0 and "no application protocol" in peer.err, peer.err
    record = tls_proxy.log.failed_handshake(peer.port)
    assert record["reason"] == "tls.no_shared_protocol"
    assert record["tls"]["alert"] == "no_application_protocol"


def test_ecdsa_and_rsa_stand_beside_each_other(tls_proxy, pki):
    for algorithms, identity in [("ECDSA+SHA256", pki.ec), ("RSA-PSS+SHA256", pki.rsa),
                                 ("RSA-PSS+SHA256:ECDSA+SHA256", pki.ec)]:
        peer = s_client(at(tls_proxy), "-tls1_3", "-sigalgs", algorithms, "-CAfile",
                        pki.root_file, "-verify_return_error", "-verify_hostname", "api.test")
        assert peer.code == 0, peer.err
        assert peer.shown == identity.sha256, algorithms


@pytest.mark.parametrize("name, shown", [
    ("api.test", "ec"), ("API.TEST", "ec"), ("api.test.", "ec"), ("www.wild.test", "wildcard"),
    ("WWW.Wild.Test", "wildcard"), ("a.b.wild.test", "ec"), ("wild.test", "ec"),
    ("nobody.test", "ec"), (None, "ec")])
def test_server_names(tls_proxy, pki, name, shown):
    peer = s_client(at(tls_proxy), name=name, data=LAST)
    assert peer.shown == getattr(pki, shown).sha256
    record = tls_proxy.log.of(peer.port)[0]
    assert record.core["tls"].get("sni") == name


@pytest.mark.parametrize("name, is_known", [
    ("api.test", True), ("x.wild.test", True), ("nobody.test", False), ("a.b.wild.test", False)])
def test_unknown_server_names_are_refused_where_the_settings_say_so(tls_proxy, name, is_known):
    address = at(tls_proxy, "choosy")
    if is_known:
        assert ask(address, context_of(), name=name)[0].status == 200
        return
    port, error = refused(address, context_of(), name=name)
    assert "unrecognized name" in str(error).replace("_", " ").lower()
    record = tls_proxy.log.failed_handshake(port)
    assert record["reason"] == "tls.server_name_unknown"
    assert record["tls"]["sni"] == name and record["tls"]["alert"] == "unrecognized_name"
    assert record["outcome"] == "deny"


def test_ocsp_is_stapled(tls_proxy, pki):
    peer = s_client(at(tls_proxy), "-status", "-sigalgs", "ECDSA+SHA256", "-CAfile",
                    pki.root_file)
    assert "OCSP Response Status: successful (0x0)" in peer.out
    assert "Cert Status: good" in peer.out
    without = s_client(at(tls_proxy), "-status", "-sigalgs", "RSA-PSS+SHA256")
    assert "OCSP response: no response sent" in without.out


# ---- handshakes that never end, and what is no TLS

@pytest.mark.parametrize("start", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"])
def test_a_handshake_has_a_deadline(tls_proxy, start):
    with Client(at(tls_proxy, "quick")) as client:
        began = time.monotonic()
        if start:
            client.send(start)
        client.reader.rest()
        took = time.monotonic() - began
        assert 0.3 < took < 5, took
        record = tls_proxy.log.failed_handshake(client.port)
    assert record["reason"] == "tls.handshake_timeout"
    assert record["error"]["phase"] == "handshake"


def test_a_handshake_left_half_way(tls_proxy):
    with Client(at(tls_proxy)) as client:
        port = client.port
        client.send(Wire(context_of()).hello()[:100])
    record = tls_proxy.log.failed_handshake(port)
    assert record["reason"] == "tls.handshake_abandoned"
    assert record["error"]["source"] == "client"


def test_a_handshake_left_after_the_hello(tls_proxy):
    with Client(at(tls_proxy)) as client:
        port = client.port
        wire = Wire(context_of(), name="gone.wild.test")
        client.send(wire.hello())
        client.reader.more()
    record = tls_proxy.log.failed_handshake(port)
    assert record["reason"] == "tls.handshake_abandoned"
    assert record["tls"]["sni"] == "gone.wild.test"


@pytest.mark.parametrize("data", [
    request(), b"POST /open/x HTTP/1.1\r\nHost: a\r\n\r\n", b"HEAD / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\n"])
def test_plain_http_on_the_tls_port(tls_proxy, data):
    with Client(at(tls_proxy)) as client:
        answer = client.send(data).reader.rest()
        record = tls_proxy.log.failed_handshake(client.port)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"strict-transport-security" not in head.lower()
    assert not body or json.loads(body)["code"] == "tls.plain_http"
    assert record["reason"] == "tls.plain_http"
    assert record["status"] == 400 and "method" not in record and "route" not in record
    assert record["request_id"] in body.decode().replace("-", "") or not body


@pytest.mark.parametrize("data", [
    b"\0" * 64, b"\x16\x03\x01\xff\xff" + b"\1" * 64, b"\x80\x2e\x01\x03\x01" + b"\0" * 64,
    b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
    b"\x17\x03\x03\x00\x05hello", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_what_is_no_tls(tls_proxy, data):
    with Client(at(tls_proxy)) as client:
        client.send(data)
        client.shut_sending()
        client.reader.rest()
        record = tls_proxy.log.failed_handshake(client.port)
    assert record["reason"] in ("tls.malformed", "tls.handshake_abandoned",
                                "tls.version_unsupported", "tls.plain_http"), record


def test_a_client_that_does_not_trust_us(tls_proxy, pki):
    context = context_of(pki.strange_root_file)
    port, error = refused(at(tls_proxy), context)
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    record = tls_proxy.log.failed_handshake(port)
    assert record["reason"] == "tls.alert_received"
    assert record["tls"]["alert"] == "unknown_ca"


def test_a_refusal_harms_no_other_connection(tls_proxy, trusting):
    with TLSClient(at(tls_proxy), trusting) as client:
        for _ in range(20):
            refused(at(tls_proxy), context_of(alpn=("h2",)))
            assert client.ask(request()).status == 200


# ---- however the bytes arrive

@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_records_arrive_in_pieces(tls_proxy, version, size):
    wire = Wire(context_of(minimum=version, maximum=version))
    with Client(at(tls_proxy)) as client:
        def send(data):
            for start in range(0, len(data), size):
                client.sock.sendall(data[start:start + size])
        wire.finish(client.sock, send)
        wire.ssl.write(request(fields={"X-Long": "x" * 600}))
        send(wire.outgoing.read())
        assert wire.read(client.sock).startswith(b"HTTP/1.1 200 OK\r\n")


def test_handshake_and_request_arrive_at_once(tls_proxy):
    """The request stands behind the client's Finished, in the same segment."""
    for version in (V12, V13):
        wire = Wire(context_of(minimum=version, maximum=version))
        with Client(at(tls_proxy)) as client:
            held = []
            client.send(wire.hello())
            if version is V12:
                wire.finish(client.sock, lambda data: data and client.sock.sendall(data))
                wire.ssl.write(request())
            else:
                while not held:
                    wire._receive(client.sock)
                    try:
                        wire.ssl.do_handshake()
                        held.append(True)
                    except ssl.SSLWantReadError:
                        pass
                wire.ssl.write(request())
                wire.ssl.write(request(target="/health"))
            client.sock.sendall(wire.outgoing.read())
            answer = wire.read(client.sock)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_large_bodies_both_ways(tls_proxy, upstream, trusting, path):
    sent = bytes(range(256)) * 16384  # 4 MiB

    @upstream.on(path)
    def echo(exchange):
        exchange.respond(exchange.read())

    with TLSClient(at(tls_proxy), trusting) as client:
        response = client.ask(request("POST", path, body=sent))
        assert response.status == 200 and response.body == sent
        assert client.ask(request()).status == 200
    record = tls_proxy.record(response)
    assert record["bytes"]["in"] >= len(sent) and record["bytes"]["out"] >= len(sent)


def test_a_slow_reader_gets_everything(tls_proxy, upstream, trusting, path):
    body = bytes(range(256)) * 8192

    @upstream.on(path)
    def answer(exchange):
        exchange.respond(body)

    with TLSClient(at(tls_proxy), trusting) as client:
        client.send(request(target=path))
        time.sleep(0.3)  # the socket's buffers fill up
        assert client.response().body == body


def test_pipelined_requests(tls_proxy, trusting):
    with TLSClient(at(tls_proxy), trusting) as client:
        client.send(b"".join(request(target=f"/open/in-turn/{number}") for number in range(30)))
        for number in range(30):
            response = client.response()
            assert json.loads(response.body)["line"] == f"GET /open/in-turn/{number} HTTP/1.1"


def test_a_connection_ends_with_close_notify(tls_proxy, trusting):
    with TLSClient(at(tls_proxy), trusting) as client:
        client.ask(LAST)
        assert client.reader.rest() == b""  # an end without close_notify would be an error


def test_a_body_cut_off_without_close_notify_is_no_request(tls_proxy, upstream, path, trusting):
    """TCP's end inside a body is an attacker's, perhaps: nothing whole may be made of it."""
    client = TLSClient(at(tls_proxy), trusting)
    client.send(request("POST", path, {"Content-Length": "100"}) + b"half")
    time.sleep(0.1)
    socket.socket(fileno=client.sock.detach()).close()
    record = tls_proxy.log.of(client.port)[0].core
    assert record["reason"] == "client.closed_early"


# ---- what the log says of a connection

@pytest.mark.parametrize("version, name", [(V12, "1.2"), (V13, "1.3")])
def test_the_record_of_a_request(tls_proxy, version, name):
    context = context_of(minimum=version, maximum=version, alpn=("http/1.1", "h2"))
    wire = Wire(context, name="Seen.wild.test")
    hello = wire.hello()
    with Client(at(tls_proxy)) as client:
        client.send(hello)
        wire.finish(client.sock, lambda data: data and client.sock.sendall(data))
        for _ in range(2):
            wire.ssl.write(request())
            client.sock.sendall(wire.outgoing.read())
            wire.read(client.sock)
        records = tls_proxy.log.of(client.port, count=2)
    for record in records:
        said = record.core["tls"]
        assert said["version"] == name
        assert said["alpn"] == "http/1.1"
        assert said["sni"] == "Seen.wild.test"
        assert said["group"] == "x25519"
        assert said["resumed"] is False
        assert said["sig"] == "ecdsa_secp256r1_sha256"
        assert said["cipher"] in MODERN if name == "1.3" else said["cipher"].startswith(
            "TLS_ECDHE_ECDSA_")
        assert "alert" not in said
        assert record.subject["ja4"] == ja4(hello)
        assert "cert" not in record.subject
        assert record.core["listener"] == "secure"
    first, second = sorted(records, key=lambda record: record.core["seq"])
    assert 0 < first.core["tls"]["handshake_us"] < 5_000_000
    assert "handshake_us" not in second.core["tls"]


def test_the_record_of_a_failed_handshake(tls_proxy):
    wire = Wire(context_of(alpn=("h2",)), name="failed.wild.test")
    hello = wire.hello()
    with Client(at(tls_proxy)) as client:
        client.send(hello)
        client.reader.rest()
        record = tls_proxy.log.failed_handshake(client.port)
    assert record["outcome"] == "error" or record["outcome"] == "deny"
    assert record["error"]["phase"] == "handshake"
    assert record["tls"]["sni"] == "failed.wild.test"
    assert record["subject"]["ja4"] == ja4(hello)
    assert record["subject"]["peer_ip"] == "127.0.0.1"
    assert record["listener"] == "secure"
    for member in ("method", "protocol", "status", "route", "request_id"):
        assert member not in record


def test_a_hostile_server_name_is_shown_safely(tls_proxy):
    """Bytes that no name has, in a ClientHello that is otherwise good."""
    hello = Wire(context_of(), name="aaaa.wild.test").hello().replace(
        b"aaaa.wild.test", b'a"\n\xff.wild.test')
    with Client(at(tls_proxy)) as client:
        client.send(hello)
        client.shut_sending()
        client.reader.rest()
        record = tls_proxy.log.failed_handshake(client.port)
    assert "\n" not in record["tls"].get("sni", "")


def test_plain_listeners_say_nothing_of_tls(tls_proxy):
    response = once(at(tls_proxy, "public"), request())
    record = tls_proxy.record(response)
    assert "tls" not in record and "ja4" not in record["subject"]


# ---- HTTP on top

@pytest.mark.parametrize("target, status", [
    ("/open/x", 200), ("/health", 200), ("/secure/x", 401), ("/nowhere", 404)])
def test_strict_transport_security(tls_proxy, trusting, target, status):
    response, _ = ask(at(tls_proxy), trusting, request(target=target))
    assert response.status == status
    assert response.get("Strict-Transport-Security") == "max-age=31536000"
    for listener in ("public", "quick"):
        if listener == "public":
            response = once(at(tls_proxy, listener), request(target=target))
        else:
            response, _ = ask(at(tls_proxy, listener), trusting, request(target=target))
        assert response.status == status
        assert response.get("Strict-Transport-Security") is None


def test_strict_transport_security_is_the_proxys_word(tls_proxy, pki, upstream, path, trusting):
    @upstream.on(path)
    def answer(exchange):
        exchange.respond(b"x", fields="Strict-Transport-Security: max-age=0\r\n")

    response, _ = ask(at(tls_proxy), trusting, request(target=path))
    assert response.get("Strict-Transport-Security") == "max-age=31536000"
    response, _ = ask(at(tls_proxy, "demanding"), context_of(certificate=pki.client),
                      request(target=path))
    assert response.get("Strict-Transport-Security") == (
        "max-age=34560000; includeSubDomains; preload")


def test_a_malformed_request_gets_it_too(tls_proxy, trusting):
    response, _ = ask(at(tls_proxy), trusting, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert response.status == 400
    assert response.get("Strict-Transport-Security") == "max-age=31536000"


def test_the_upstream_hears_that_it_was_https(tls_proxy, trusting):
    response, _ = ask(at(tls_proxy), trusting, request(
        fields={"X-Forwarded-Proto": "http", "Forwarded": "proto=http"}))
    fields = dict(map(tuple, json.loads(response.body)["fields"]))
    assert fields["X-Forwarded-Proto"] == "https"
    assert "http" not in fields.get("Forwarded", "").replace("https", "")
    response = once(at(tls_proxy, "public"), request())
    fields = dict(map(tuple, json.loads(response.body)["fields"]))
    assert fields["X-Forwarded-Proto"] == "http"


@pytest.mark.parametrize("listener, host, expected", [
    ("redirecting", "api.test", "https://api.test:8443"),
    ("redirecting", "api.test:8080", "https://api.test:8443"),
    ("redirecting", "[::1]:80", "https://[::1]:8443"),
    ("plainly", "api.test:8080", "https://api.test"), ("plainly", "api.test", "https://api.test")])
def test_a_plain_listener_redirects(tls_proxy, upstream, listener, host, expected):
    upstream.forget()
    target = "/a/b%20c;d?x=1&y=%2F?"
    for method in ("GET", "POST", "HEAD"):
        response = once(at(tls_proxy, listener), request(
            method, target, host=host, body=b"abc" if method == "POST" else b""), method)
        assert response.status == 308
        assert response.get("Location") == expected + target
        assert response.get("Strict-Transport-Security") is None
    record = tls_proxy.record(response)
    assert (record["reason"], record["outcome"]) == ("policy.https_required", "deny")
    assert upstream.seen.empty()


def test_a_redirect_comes_before_everything_else(tls_proxy, tokens):
    for target in ("/secure/x", "/nowhere", "/health"):
        response = once(at(tls_proxy, "redirecting"), request(target=target))
        assert response.status == 308, target
    response = once(at(tls_proxy, "redirecting"), b"GET / HTTP/1.1\r\n\r\n")
    assert response.status == 400  # without a host there is no place to send anybody to


def test_curl_speaks_to_it(tls_proxy, pki):
    address = at(tls_proxy)
    for version in ("--tlsv1.2 --tls-max 1.2", "--tlsv1.3"):
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", "--cacert", pki.root_file,
             *version.split(), "--resolve", f"api.test:{address[1]}:127.0.0.1", "--next",
             "--silent", "--cacert", pki.root_file, "--resolve",
             f"api.test:{address[1]}:127.0.0.1",
             f"https://api.test:{address[1]}/open/a", f"https://api.test:{address[1]}/open/b"],
            capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        assert '"line": "GET /open/b HTTP/1.1"' in done.stdout
