"""What the upstream sees and what the client gets back: regenerated, never copied."""

import json

import pytest

from harness.client import Client, chunked, once, request


def seen(response) -> dict:
    assert response.status == 200, response.body
    return json.loads(response.body)


def fields(response) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for name, value in seen(response)["fields"]:
        out.setdefault(name.lower(), []).append(value)
    return out


def test_canonical_head(client, path):
    said = seen(client.ask(
        b"GET " + path.encode() + b"?a=1 HTTP/1.1\r\nhOsT: api.test\r\nX-Own:\t  padded \t\r\n\r\n"))
    assert said["line"] == f"GET {path}?a=1 HTTP/1.1"
    assert ["X-Own", "padded"] in said["fields"]
    assert [value for name, value in said["fields"] if name.lower() == "host"] == ["api.test"]
    assert said["framing"] == "none"


def test_hop_by_hop_fields_end_here(client, path):
    got = fields(client.ask(request(target=path, fields=[
        ("Connection", "keep-alive, X-Private"), ("X-Private", "1"), ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"), ("TE", "gzip"), ("Upgrade", "h2c"),
        ("Proxy-Authorization", "Basic x"), ("X-Public", "1")])))
    assert got["x-public"] == ["1"]
    for name in ("x-private", "keep-alive", "proxy-connection", "upgrade", "te",
                 "proxy-authorization"):
        assert name not in got, name


def test_te_trailers_is_the_one_te_that_goes_on(client, path):
    got = fields(client.ask(request(target=path, fields={"TE": "trailers", "Connection": "TE"})))
    assert got["te"] == ["trailers"]
    assert got["connection"] == ["TE"]


def test_host_comes_from_an_absolute_target(client, path):
    got = fields(client.ask(request(target=f"http://other.test{path}", host="api.test")))
    assert got["host"] == ["other.test"]


def test_options_asterisk(proxy, upstream):
    response = once(proxy.address, request("OPTIONS", "*"))
    assert response.status in (200, 204, 404)
    assert upstream.seen.empty()


def test_via_is_appended(client, path):
    got = fields(client.ask(request(target=path, fields={"Via": "1.0 first"})))
    first, own = got["via"][-1].rsplit(", ", 1)
    assert first == "1.0 first"
    assert own.startswith("1.1 ")


def test_a_loop_is_noticed(proxy, client, path):
    own = fields(client.ask(request(target=path)))["via"][0]
    response = client.ask(request(target=path, fields={"Via": own}))
    assert (response.status, response.reason) == (508, "request.loop_detected")
    assert proxy.record(response)["reason"] == "request.loop_detected"


def test_max_forwards(client, upstream, path):
    got = fields(client.ask(request("OPTIONS", path, {"Max-Forwards": "3"})))
    assert got["max-forwards"] == ["2"]
    upstream.forget()
    answer = client.ask(request("OPTIONS", path, {"Max-Forwards": "0"}))
    assert answer.status == 204 and "GET" in answer.get("Allow")
    assert upstream.seen.empty()


def test_forwarding_fields_from_anyone_are_replaced(client, path):
    got = fields(client.ask(request(target=path, fields=[
        ("X-Forwarded-For", "9.9.9.9"), ("Forwarded", "for=9.9.9.9"), ("X-Real-IP", "9.9.9.9"),
        ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Port", "443")])))
    assert got["x-forwarded-for"] == ["127.0.0.1"]
    assert got["x-real-ip"] == ["127.0.0.1"]
    assert got["x-forwarded-proto"] == ["http"]
    assert got["x-forwarded-host"] == ["api.test"]
    assert "9.9.9.9" not in str(got["forwarded"]) and "for=127.0.0.1" in got["forwarded"][0]
    assert got.get("x-forwarded-port") in (None, ["80"])


def test_forwarding_fields_from_a_trusted_peer_are_extended(proxy, path):
    response = once(proxy.addresses["behind"], request(target=path, fields={
        "X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7",
        "X-Forwarded-Proto": "https"}))
    got = fields(response)
    assert got["x-forwarded-for"] == ["198.51.100.7, 127.0.0.1"]
    assert got["forwarded"][0].startswith("for=198.51.100.7, for=127.0.0.1")
    assert got["x-real-ip"] == ["198.51.100.7"]
    assert got["x-forwarded-proto"] == ["https"]
    record = proxy.record(response)
    assert record["subject"]["client_ip"] == "198.51.100.7"
    assert record["subject"]["peer_ip"] == "127.0.0.1"


def test_duplicate_forwarding_fields_are_not_believed(proxy, path):
    response = once(proxy.addresses["behind"], request(target=path, fields=[
        ("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "198.51.100.8")]))
    assert fields(response)["x-forwarded-for"] == ["127.0.0.1"]
    assert proxy.record(response)["subject"]["client_ip"] == "127.0.0.1"


@pytest.mark.parametrize("name", [
    "X-User", "X_User", "X-Forwarded-User", "X-Auth-Request-Email", "Remote-User",
    "X-SSL-Client-Verify", "Client-Cert", "Audit-Receipt", "X-Roles"])
def test_claimed_identities_are_removed(client, path, name):
    got = fields(client.ask(request(target=path, fields={name: "root"})))
    assert "root" not in got.get(name.lower(), [])


def test_routes_set_and_remove_fields(client, tokens):
    got = fields(client.ask(request(
        target="/secure/x", token=tokens.make("alice"), fields={"X-User": "root"})))
    assert got["x-user"] == ["alice"]
    assert "authorization" not in got


def test_request_id_and_trace(client, path):
    trace = "0af7651916cd43dd8448eb211c80319c"
    response = client.ask(request(target=path, fields={
        "X-Request-Id": "mine", "tracestate": "a=b",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01"}))
    got = fields(response)
    assert got["x-request-id"] == [response.get("X-Request-Id")]
    assert got["traceparent"][0].startswith(f"00-{trace}-")
    assert "b7ad6b7169203331" not in got["traceparent"][0]
    assert got["tracestate"] == ["a=b"]


@pytest.mark.parametrize("bad", [
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "nonsense"])
def test_invalid_traces_start_anew(client, path, bad):
    got = fields(client.ask(request(
        target=path, fields={"traceparent": bad, "tracestate": "a=b"})))
    version, trace, span, _ = got["traceparent"][0].split("-")
    assert version == "00" and trace not in bad and int(trace, 16) and int(span, 16)
    assert "tracestate" not in got


def test_receipt_goes_both_ways(client, path):
    response = client.ask(request(target=path))
    assert fields(response)["audit-receipt"] == [response.receipt]


def test_bodies_with_a_length(client, upstream, path):
    said = seen(client.ask(request("POST", path, body=b"a body")))
    assert (said["body"], said["framing"]) == ("a body", "length")
    said = seen(client.ask(request("POST", path, {"Content-Length": "0"})))
    assert said["framing"] == "length" and said["size"] == 0


def test_chunked_requests(client, upstream, path):
    data = chunked(b"one", b"two" * 1000, b"x")
    said = seen(client.ask(request("PUT", path, {"Transfer-Encoding": "chunked"}) + data))
    assert said["framing"] == "chunked" and said["size"] == 3 + 3000 + 1


def test_chunked_requests_byte_by_byte(client, upstream, path):
    data = request("PUT", path, {"Transfer-Encoding": "chunked"}) + chunked(b"abc", b"defg")
    for at in range(len(data)):
        client.send(data[at:at + 1])
    assert seen(client.response())["body"] == "abcdefg"


def test_request_trailers_are_never_merged(client, upstream, path):
    data = chunked(b"abc", trailers=b"Authorization: Bearer x\r\nX-Sum: 1\r\n")
    response = client.ask(request("PUT", path, {"Transfer-Encoding": "chunked"}) + data)
    said = seen(response)
    assert "authorization" not in fields(response) and "x-sum" not in fields(response)
    assert all(name.lower() != "authorization" for name, _ in said["trailers"])


def test_too_many_trailers_are_refused(client, upstream, path):
    data = chunked(b"abc", trailers=b"X-T: " + b"a" * 5000 + b"\r\n")
    response = client.ask(request("PUT", path, {"Transfer-Encoding": "chunked"}) + data)
    assert (response.status, response.reason) == (431, "request.trailers_too_large")


def test_chunked_responses_and_their_trailers(client, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked(b"hello ", b"world", trailers=b"X-Sum: 7\r\nContent-Length: 3\r\n"))

    plain = client.ask(request(target=path))
    assert (plain.body, plain.framing, plain.trailers) == (b"hello world", "chunked", [])
    asked = client.ask(request(target=path, fields={"TE": "trailers", "Connection": "TE"}))
    assert asked.body == b"hello world"
    assert asked.trailers in ([], [("X-Sum", "7")])


def test_response_until_close_becomes_chunked(client, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
        return False

    response = client.ask(request(target=path))
    assert (response.body, response.framing) == (b"until the end", "chunked")
    assert client.stays_open(request(target="/health")).status == 200


def test_answers_of_an_old_upstream(client, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nold")
        return False

    response = client.ask(request(target=path))
    assert response.body == b"old"
    assert response.get("Connection") is None


def test_old_clients(proxy, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"new"))

    with Client(proxy.address) as client:
        response = client.ask(request(target=path, version="HTTP/1.0"))
        assert (response.body, response.framing) == (b"new", "close")
        assert response.get("Transfer-Encoding") is None
        assert client.is_closed()


def test_old_clients_may_keep_the_connection(proxy):
    with Client(proxy.address) as client:
        ask = request(target="/health", version="HTTP/1.0", fields={"Connection": "keep-alive"})
        assert client.ask(ask).get("Connection") == "keep-alive"
        assert client.ask(ask).status == 200
        assert client.ask(request(target="/health", version="HTTP/1.0")).status == 200
        assert client.is_closed()


def test_an_old_client_needs_no_host(proxy, path):
    response = once(proxy.address, b"GET /health HTTP/1.0\r\n\r\n")
    assert response.status == 200


def test_later_minor_versions_are_served(proxy):
    assert once(proxy.address, request(target="/health", version="HTTP/1.2")).status in (200, 505)


def test_head_has_no_body(client, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")

    response = client.ask(request("HEAD", path), method="HEAD")
    assert response.get("Content-Length") == "1234"
    assert client.stays_open(request(target="/health")).body == b"ok"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_a_body(client, upstream, path, status):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(f"HTTP/1.1 {status}\r\nX-A: b\r\nETag: \"e\"\r\n\r\n".encode())

    response = client.ask(request(target=path))
    assert response.status == int(status[:3])
    assert response.get("ETag") == '"e"' and response.get("Transfer-Encoding") is None
    assert client.stays_open(request(target="/health")).body == b"ok"


def test_a_204_with_a_length_carries_none(client, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n")

    response = client.ask(request(target=path))
    assert response.status == 204 and response.get("Content-Length") is None
    assert client.stays_open(request(target="/health")).body == b"ok"


def test_own_head_and_204(client):
    response = client.ask(request("HEAD", "/health"), method="HEAD")
    assert (response.status, response.get("Content-Length")) == (200, "2")
    assert client.stays_open(request(target="/health")).body == b"ok"


def test_interim_responses_go_on(client, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                      b"HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n")
        exchange.respond(b"done")

    response = client.ask(request(target=path))
    assert [head.line.split()[1] for head in response.interim] == ["103", "103"]
    assert response.interim[0].get("Link") == "</a.css>"
    assert response.body == b"done"


def test_interim_responses_are_not_for_old_clients(proxy, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        exchange.respond(b"done")

    response = once(proxy.address, request(target=path, version="HTTP/1.0"))
    assert response.interim == [] and response.body == b"done"


def test_continue_comes_after_authentication(proxy, tokens, upstream):
    ask = {"Expect": "100-continue", "Content-Length": "4"}
    with Client(proxy.address) as client:
        refused = client.ask(request("POST", "/secure/x", ask))
        assert refused.status == 401 and refused.interim == []
        assert client.is_closed()
    assert upstream.seen.empty()
    with Client(proxy.address) as client:
        client.send(request("POST", "/secure/x", ask, token=tokens.make()))
        assert client.head().line == "HTTP/1.1 100 Continue"
        response = client.send(b"abcd").response()
        assert json.loads(response.body)["body"] == "abcd"


def test_a_client_need_not_wait_for_continue(client, upstream, path):
    ask = {"Expect": "100-continue", "Content-Length": "4"}
    response = client.ask(request("POST", path, ask) + b"abcd")
    assert json.loads(response.body)["body"] == "abcd"


def test_upgrade_is_not_offered(client, upstream, path):
    response = client.ask(request(target=path, fields={
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}))
    assert response.status != 101
    if response.status == 200:
        assert "upgrade" not in fields(response)


def test_an_unasked_switch_of_protocols_is_an_error(client, upstream, path, proxy):
    @upstream.on(path)
    def answer(exchange):
        exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n"
                      b"\r\nraw bytes")

    response = client.ask(request(target=path))
    assert response.status == 502
    assert proxy.record(response)["error"]["source"] == "upstream"


def test_response_hop_by_hop_fields_end_here(client, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.respond(b"x", fields="Connection: X-Private\r\nX-Private: 1\r\n"
                         "Keep-Alive: timeout=5\r\nProxy-Connection: a\r\nUpgrade: h2c\r\n"
                         "X-Public: 1\r\nAudit-Receipt: forged\r\n")

    response = client.ask(request(target=path))
    assert response.get("X-Public") == "1"
    assert not response.head.names() & {"x-private", "keep-alive", "proxy-connection", "upgrade"}
    assert response.receipt != "forged"


def test_set_cookie_lines_stay_apart(client, upstream, path):
    @upstream.on(path)
    def answer(exchange):
        exchange.respond(b"x", fields="Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n")

    assert client.ask(request(target=path)).head.all("Set-Cookie") == ["a=1", "b=2"]


def test_nginx_behind(make_proxy, nginx):
    """A real upstream: files, ranges, validators, redirects, uploads."""
    (nginx.www / "big.bin").write_bytes(bytes(range(256)) * 4096)
    proxy = make_proxy(upstream_port=nginx.port)
    with Client(proxy.address) as client:
        assert client.ask(request(target="/open/say")).body == b"hello from nginx\n"
        assert client.ask(request(target="/open/none")).status == 204
        assert client.ask(request(target="/open/moved")).status == 302
        whole = client.ask(request(target="/open/files/big.bin"))
        assert whole.body == bytes(range(256)) * 4096
        part = client.ask(request(target="/open/files/big.bin", fields={"Range": "bytes=256-260"}))
        assert (part.status, part.body) == (206, bytes(range(5)))
        same = client.ask(request(
            target="/open/files/big.bin", fields={"If-None-Match": whole.get("ETag")}))
        assert same.status == 304
        head = client.ask(request("HEAD", "/open/files/big.bin"), method="HEAD")
        assert head.get("Content-Length") == str(1 << 20)
        assert client.ask(request(target="/open/files/missing")).status == 404
