"""Requests that a strict intermediary refuses (RFC 9110, 9112), as a client sees it."""

import pytest

from harness.client import Client, chunked, once, request

GET = b"GET /open/refused HTTP/1.1\r\nHost: api.test\r\n"
POST = b"POST /open/refused HTTP/1.1\r\nHost: api.test\r\n"


def line(target: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return method + b" " + target + b" " + version + b"\r\nHost: api.test\r\n\r\n"


# name, bytes, status, code: each also closes the connection and leaves a record.
REFUSED = [
    # Framing, RFC 9112 §6.1-6.3.
    ("both framings", POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "request.framing_ambiguous"),
    ("coding then length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
     b"0\r\n\r\n", 400, "request.framing_ambiguous"),
    ("chunked not last", POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", None, None),
    ("chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", 400,
     "request.framing_ambiguous"),
    ("two codings", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501,
     "request.transfer_coding_unknown"),
    ("unknown coding", POST + b"Transfer-Encoding: xchunked\r\n\r\n", None, None),
    ("identity", POST + b"Transfer-Encoding: identity\r\n\r\n", None, None),
    ("two coding lines", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400, "request.framing_ambiguous"),
    ("coding in 1.0", b"POST /open/x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"0\r\n\r\n", 400, "request.framing_ambiguous"),
    ("two lengths", POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400,
     "request.length_invalid"),
    ("two equal lengths", POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400,
     "request.length_invalid"),
    ("length list", POST + b"Content-Length: 4, 4\r\n\r\nabcd", 400, "request.length_invalid"),
    ("length plus", POST + b"Content-Length: +4\r\n\r\nabcd", 400, "request.length_invalid"),
    ("length minus", POST + b"Content-Length: -1\r\n\r\n", 400, "request.length_invalid"),
    ("length hex", POST + b"Content-Length: 0x4\r\n\r\nabcd", 400, "request.length_invalid"),
    ("length empty", POST + b"Content-Length: \r\n\r\n", 400, "request.length_invalid"),
    ("length huge", POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400,
     "request.length_invalid"),
    # White space and bytes, §5.1, §2.2.
    ("space before colon", GET + b"X-A : b\r\n\r\n", 400, "request.field_malformed"),
    ("length with space before colon", POST + b"Content-Length : 4\r\n\r\nabcd", 400,
     "request.field_malformed"),
    ("NUL in value", GET + b"X-A: b\0c\r\n\r\n", 400, "request.field_malformed"),
    ("bare CR in value", GET + b"X-A: b\rc\r\n\r\n", 400, "request.field_malformed"),
    ("bare LF ends a field", GET + b"X-A: b\n\r\n", 400, None),
    ("bare LF ends the line", b"GET /open/x HTTP/1.1\nHost: api.test\r\n\r\n", 400, None),
    ("bare LF everywhere", b"GET /open/x HTTP/1.1\nHost: api.test\n\n", 400, None),
    ("name no token", GET + b"X(A): b\r\n\r\n", 400, "request.field_malformed"),
    ("empty name", GET + b": b\r\n\r\n", 400, "request.field_malformed"),
    ("no colon", GET + b"nonsense\r\n\r\n", 400, "request.field_malformed"),
    ("folded line", GET + b"X-A: b\r\n c\r\n\r\n", 400, "request.field_folded"),
    ("folded first line", b"GET /open/x HTTP/1.1\r\n X-A: b\r\nHost: a\r\n\r\n", 400,
     "request.field_folded"),
    # Request line and target, §3.
    ("two spaces", b"GET  /open/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
    ("trailing space", b"GET /open/x HTTP/1.1 \r\nHost: a\r\n\r\n", 400, None),
    ("tab", b"GET\t/open/x\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
    ("no version", b"GET /open/x\r\nHost: a\r\n\r\n", 400, None),
    ("lower-case version", line(b"/open/x", version=b"http/1.1"), 400, None),
    ("space in target", line(b"/open/a b"), 400, None),
    ("raw byte in target", line(b"/open/\xc3\xa4"), 400, "request.target_invalid"),
    ("control in target", line(b"/open/\x01"), 400, None),
    ("fragment", line(b"/open/x#y"), 400, "request.target_invalid"),
    ("relative target", line(b"open/x"), 400, "request.target_invalid"),
    ("asterisk for GET", line(b"*"), 400, "request.target_invalid"),
    ("authority for GET", line(b"api.test:80"), 400, "request.target_invalid"),
    ("bad percent", line(b"/open/%zz"), 400, "request.target_invalid"),
    ("cut percent", line(b"/open/%4"), 400, "request.target_invalid"),
    ("CONNECT", line(b"api.test:443", method=b"CONNECT"), 501, "request.method_refused"),
    ("TRACE", line(b"/open/x", method=b"TRACE"), 501, "request.method_refused"),
    ("version 2", line(b"/open/x", version=b"HTTP/2.0"), 505, "request.version_unsupported"),
    ("version 0.9", line(b"/open/x", version=b"HTTP/0.9"), 505, "request.version_unsupported"),
    ("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None, None),
    # Host, §3.2.
    ("no Host", b"GET /open/x HTTP/1.1\r\n\r\n", 400, "request.host_missing"),
    ("two Hosts", GET + b"Host: other.test\r\n\r\n", 400, "request.host_duplicate"),
    ("two equal Hosts", GET + b"Host: api.test\r\n\r\n", 400, "request.host_duplicate"),
    ("Host with path", b"GET /open/x HTTP/1.1\r\nHost: api.test/x\r\n\r\n", 400,
     "request.host_invalid"),
    ("Host with user", b"GET /open/x HTTP/1.1\r\nHost: me@api.test\r\n\r\n", 400,
     "request.host_invalid"),
    ("Host with space", b"GET /open/x HTTP/1.1\r\nHost: api test\r\n\r\n", 400,
     "request.host_invalid"),
    ("Host with port 99999", b"GET /open/x HTTP/1.1\r\nHost: api.test:99999\r\n\r\n", 400,
     "request.host_invalid"),
    # Connection, RFC 9110 §7.6.1: fields that are not the client's to strip.
    ("strips Host", GET + b"Connection: Host\r\n\r\n", 400, "request.connection_field_refused"),
    ("strips Authorization", GET + b"Connection: close, authorization\r\n\r\n", 400,
     "request.connection_field_refused"),
    ("strips X-Forwarded-For", GET + b"Connection: X-Forwarded-For\r\n\r\n", 400,
     "request.connection_field_refused"),
    ("strips Content-Length", POST + b"Connection: content-length\r\nContent-Length: 1\r\n\r\na",
     400, "request.connection_field_refused"),
    # Expectations and Max-Forwards.
    ("other expectation", POST + b"Expect: 200-maybe\r\nContent-Length: 1\r\n\r\n", 417,
     "request.expectation_unknown"),
    ("Max-Forwards no number", b"OPTIONS /open/x HTTP/1.1\r\nHost: a\r\nMax-Forwards: many\r\n\r\n",
     400, "request.field_malformed"),
    # One path, one meaning.
    ("dot segment", line(b"/open/../secure/x"), 400, "request.path_ambiguous"),
    ("encoded dot segment", line(b"/open/%2e%2E/secure/x"), 400, "request.path_ambiguous"),
    ("single dot", line(b"/open/./x"), 400, "request.path_ambiguous"),
    ("encoded slash", line(b"/open/a%2fb"), 400, "request.path_ambiguous"),
    ("encoded backslash", line(b"/open/a%5cb"), 400, "request.path_ambiguous"),
    ("backslash", line(b"/open/a\\b"), 400, "request.path_ambiguous"),
    ("encoded NUL", line(b"/open/a%00"), 400, "request.path_ambiguous"),
    ("empty segment", line(b"/open//x"), 400, "request.path_ambiguous"),
    ("double slash first", line(b"//open/x"), 400, "request.path_ambiguous"),
    # Sizes.
    ("line of 9000 bytes", line(b"/open/" + b"a" * 9000), 414, "request.line_too_long"),
    ("head of 17000 bytes", GET + b"X-A: " + b"a" * 17000 + b"\r\n\r\n", 431,
     "request.head_too_large"),
    ("101 fields", GET + b"".join(b"X-%d: a\r\n" % n for n in range(101)) + b"\r\n", 431,
     "request.fields_too_many"),
]


@pytest.mark.parametrize("data,status,code", [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_refused(proxy, upstream, data, status, code):
    with Client(proxy.address) as client:
        response = client.ask(data)
        assert response.status in ([status] if status else (400, 501, 505)), response.body
        if code:
            assert response.reason == code
        assert response.get("Connection") == "close"
        assert client.is_closed()
    record = proxy.record(response)
    assert record["status"] == response.status
    assert record["reason"] == response.reason
    assert record["error"]["source"] == "client"
    assert record["outcome"] == "error"
    assert upstream.seen.empty(), "a refused request went upstream"


@pytest.mark.parametrize("body", [
    pytest.param(b"4\nabcd\r\n0\r\n\r\n", id="bare LF after size"),
    pytest.param(b"+4\r\nabcd\r\n0\r\n\r\n", id="sign"),
    pytest.param(b"0x4\r\nabcd\r\n0\r\n\r\n", id="0x"),
    pytest.param(b" 4\r\nabcd\r\n0\r\n\r\n", id="space first"),
    pytest.param(b"\r\nabcd\r\n0\r\n\r\n", id="no size"),
    pytest.param(b"4\r\nabcdXX0\r\n\r\n", id="no CRLF after data"),
    pytest.param(b"4\r\nabcd\n0\r\n\r\n", id="bare LF after data"),
    pytest.param(b"FFFFFFFFFFFFFFFFF\r\nabcd", id="overflow"),
    pytest.param(b"4;" + b"e" * 400 + b"\r\nabcd\r\n0\r\n\r\n", id="long extension"),
])
def test_malformed_chunks_never_end_cleanly(proxy, upstream, path, body):
    """A body that breaks off upstream breaks off: never a clean end (RFC 9112 §7.1)."""
    with Client(proxy.address) as client:
        response = client.ask(
            request("POST", path, {"Transfer-Encoding": "chunked"}, host="api.test") + body)
        assert response.status == 400
        assert response.reason == "request.chunk_malformed"
        assert client.is_closed()
    while not upstream.seen.empty():
        exchange = upstream.seen.get()
        assert not exchange.was_answered and exchange.await_gone()
    assert proxy.record(response)["error"]["source"] == "client"


def test_chunk_extensions_are_not_forwarded(client, upstream, path):
    body = b"4;name=value\r\nabcd\r\n0;last\r\n\r\n"
    said = client.ask(request("POST", path, {"Transfer-Encoding": "chunked"}) + body)
    assert said.status == 200
    exchange = upstream.last(path)
    assert exchange.content == b"abcd"
    assert all(b";" not in text for text in exchange.body.chunk_lines)


def test_smuggled_prefix_is_never_a_request(proxy, upstream):
    """The classic CL.TE and TE.CL pair: whatever is refused, the hidden request is not seen."""
    hidden = b"GET /open/hidden HTTP/1.1\r\nHost: api.test\r\n\r\n"
    for head in (b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
                 b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
                 b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding:\x0bchunked\r\n",
                 b"Transfer-Encoding: \"chunked\"\r\n", b"Content-Length: 0\r\n\tx\r\n"):
        with Client(proxy.address) as client:
            assert client.ask(POST + head + b"\r\n0\r\n\r\n" + hidden).status in (400, 501)
            assert client.is_closed()
    assert upstream.seen.empty()


def test_leading_empty_line_is_tolerated_or_refused_whole(proxy):
    """RFC 9112 §2.2 lets a server skip CRLF before a request; both are fine, guessing is not."""
    response = once(proxy.address, b"\r\n" + request(target="/health"))
    assert response.status in (200, 400)


def test_body_past_the_limit_is_413(make_proxy, upstream, path):
    proxy = make_proxy(limits={"body": "64KiB"})
    assert once(proxy.address, request("POST", path, body=b"x" * 65536)).status == 200
    with Client(proxy.address) as client:
        response = client.ask(request("POST", path, {"Content-Length": str(65537)}))
        assert (response.status, response.reason) == (413, "request.body_too_large")
    with Client(proxy.address) as client:
        client.send(request("POST", path, {"Transfer-Encoding": "chunked"}))
        client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n1\r\nx\r\n0\r\n\r\n")
        response = client.response()
        assert (response.status, response.reason) == (413, "request.body_too_large")
        assert client.is_closed()
    assert proxy.record(response)["reason"] == "request.body_too_large"


def test_no_route_is_404_and_wrong_method_405(proxy):
    missing = once(proxy.address, request(target="/nowhere"))
    assert (missing.status, missing.reason) == (404, "policy.no_route")
    assert proxy.record(missing)["outcome"] == "deny"
    refused = once(proxy.address, request("POST", "/v1/t1/orders", body=b"x"))
    assert (refused.status, refused.reason) == (405, "policy.method_refused")
    assert set(refused.get("Allow").split(", ")) == {"GET", "HEAD"}
    assert proxy.record(refused)["route"] == "orders"


def test_one_path_is_judged_and_forwarded(client, upstream):
    """%61 is a: policy sees `/open/abc`, and so does the upstream."""
    assert client.ask(request(target="/open/%61bc?q=%61")).status == 200
    assert upstream.last().target == "/open/abc?q=%61"
    assert client.ask(request(target="/open/%c3%a4%2B")).status == 200
    assert upstream.last().target == "/open/%C3%A4%2B"


def test_encoded_route_does_not_escape_its_rules(proxy):
    """The admin route spelled otherwise is still the admin route."""
    assert once(proxy.address, request(target="/%61dmin/x")).status == 401
    assert once(proxy.address, request(target="/ADMIN/x")).status == 404
