"""What records hold at each level, and that what must not be in them is in none."""

import base64
import hashlib
import json
import os
import threading
from urllib.parse import quote

import pytest

from harness.client import Client, once, request

LEVELS = ["none", "metadata", "headers", "body_hash", "body"]


def routes(level: str) -> list[dict]:
    return [
        {"name": "patients", "match": {"path": "/v1/{tenant}/patients/{patient}/**"},
         "auth": "none", "upstream": "main", "audit": {"level": level}},
        {"name": "secure", "match": {"path": "/secure/**"}, "auth": "corp", "upstream": "main",
         "audit": {"level": level}},
    ]


PRIVACY = {
    "client_ip": "truncate", "query": "values", "headers": ["x-tenant", "user-agent", "x-mail"],
    "response_headers": ["x-kind", "x-mail"],
    "redact": [
        {"name": "patient", "path": ["patient"]},
        {"name": "card", "query": ["card"], "action": "mask"},
        {"name": "mail", "headers": ["x-mail"], "claims": ["sub"], "body": ["/who/*/mail"]},
    ],
}


def redactions(record: dict) -> set[tuple[str, str]]:
    return {(one["field"], one["rule"]) for one in record.get("redactions", [])}


def test_defaults_hold_no_values(proxy, upstream):
    response = once(proxy.address, request(
        target="/open/x?q=VALUE", fields={"X-Tenant": "acme", "Referer": "http://x/?VALUE"}))
    record = proxy.record(response)
    assert record["level"] == "metadata" and "redactions" not in record
    assert record["detail"] == {
        "authority": "api.test", "path": "/open/x", "query_keys": "q"}
    assert record["subject"]["peer_ip"] == "127.0.0.1"


def test_a_record_of_level_none_is_its_core(make_proxy, upstream):
    proxy = make_proxy(routes=routes("none"))
    response = once(proxy.address, request(
        "POST", "/v1/acme/patients/123?x=1", {"User-Agent": "me"}, body=b"body"))
    record = proxy.record(response)
    assert record["level"] == "none" and record["route"] == "patients"
    assert record["status"] == 200 and record["bytes"]["in"] > 4
    assert record["subject"] == {} and record["detail"] == {}
    # The log's own level goes for what matches no route.
    other = proxy.record(once(proxy.address, request(target="/elsewhere")))
    assert other["level"] == "metadata" and other["detail"]["path"] == "/elsewhere"
    assert proxy.stop() == 0


def test_chosen_fields_and_rules(make_proxy, upstream, tokens):
    proxy = make_proxy(routes=routes("headers"), audit={"privacy": PRIVACY})

    @upstream.on("/v1/acme/patients/123-45/notes")
    def answer(exchange):
        exchange.respond(b"x", fields="X-Kind: note\r\nX-Mail: b@b\r\nX-Other: o\r\n")

    response = once(proxy.address, request(
        target="/v1/acme/patients/%31%323-45/notes?card=4111111111111111&token=t&a=b",
        fields={"X-Tenant": "acme", "X-Mail": "a@a", "X-Other": "o", "User-Agent": "me"}))
    # What goes upstream is not touched.
    seen = upstream.last()
    assert seen.target.endswith("patients/123-45/notes?card=4111111111111111&token=t&a=b")
    record = proxy.record(response)
    assert record["detail"] == {
        "authority": "api.test",
        "headers": ["x-tenant: acme", "x-mail: [redacted:mail]"],
        "path": "/v1/acme/patients/[redacted:patient]/notes",
        "query": "card=[redacted:card]1111&token=[redacted:credential]&a=b",
        "response_headers": ["x-kind: note", "x-mail: [redacted:mail]"],
        "user_agent": "me",
    }
    assert redactions(record) == {
        ("path", "patient"), ("query", "card"), ("query", "credential"), ("headers", "mail"),
        ("response_headers", "mail")}
    assert record["subject"]["peer_ip"] == "127.0.0.0"
    assert "peer_port" not in record["subject"]

    named = proxy.record(once(proxy.address, request(
        target="/secure/x", token=tokens.make("alice@example.com"))))
    assert named["subject"]["sub"] == "[redacted:mail]"
    assert redactions(named) == {("sub", "mail")}
    lost = proxy.record(once(proxy.address, request(target="/v1/acme/patient/123-45")))
    assert lost["detail"]["path"] == "[redacted:unrouted]"
    assert proxy.stop() == 0


JSON = {"Content-Type": "application/json"}


def seen_body(data: bytes) -> dict:
    return {"len": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize("size", [1, 5000, 3_000_000])
def test_bodies_are_digested_as_they_pass(make_proxy, upstream, size):
    proxy = make_proxy(routes=routes("body_hash"))
    sent, got = os.urandom(size), os.urandom(size + 7)

    @upstream.on("/v1/a/patients/b")
    def answer(exchange):
        exchange.read()
        data = b"".join(b"%x\r\n%s\r\n" % (len(got[at:at + 900]), got[at:at + 900])
                        for at in range(0, len(got), 900))
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data
                      + b"0\r\n\r\n")

    response = once(proxy.address, request("POST", "/v1/a/patients/b", body=sent))
    assert response.body == got
    record = proxy.record(response)
    assert record["detail"]["request_body"] == seen_body(sent)
    assert record["detail"]["response_body"] == seen_body(got)

    @upstream.on("/v1/a/patients/none")
    def nothing(exchange):
        exchange.respond(b"", status="204 No Content")

    record = proxy.record(once(proxy.address, request(target="/v1/a/patients/none")))
    assert "request_body" not in record["detail"] and "response_body" not in record["detail"]
    assert proxy.stop() == 0


def test_a_body_that_was_broken_off_says_so(make_proxy, upstream):
    proxy = make_proxy(routes=routes("body_hash"))
    arrived = threading.Event()

    @upstream.on("/v1/a/patients/b")
    def answer(exchange):
        arrived.set()
        exchange.wait_closed()
        return False

    with Client(proxy.address) as client:
        client.send(b"POST /v1/a/patients/b HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        assert arrived.wait(10)
        # The record says what was read, so the bytes must have been read.
        upstream.last()
        client.sock.close()
    record = proxy.log.where(lambda record: "request_body" in record.detail)[0]
    assert record.detail["request_body"] == {**seen_body(b"abc"), "partial": True}
    assert proxy.stop() == 0


def test_bodies_are_recorded_without_what_is_taken_out(make_proxy, upstream):
    proxy = make_proxy(routes=routes("body"), audit={"privacy": {**PRIVACY, "body": "1KiB"}})
    sent = json.dumps({"who": [{"mail": "a@a", "n": 1}], "password": "x", "b": "é"}).encode()

    @upstream.on("/v1/a/patients/b")
    def answer(exchange):
        exchange.respond(b"card=4111111111111111&token=t&c=d",
                         fields="Content-Type: application/x-www-form-urlencoded\r\n")

    response = once(proxy.address, request("POST", "/v1/a/patients/b", JSON, body=sent))
    assert upstream.last().content == sent
    record = proxy.record(response)
    body = record["detail"]["request_body"]
    assert {**body, "text": 0} == {**seen_body(sent), "text": 0}
    assert json.loads(body["text"]) == {
        "who": [{"mail": "[redacted:mail]", "n": 1}], "password": "[redacted:credential]",
        "b": "é"}
    assert record["detail"]["response_body"]["text"] == (
        "card=[redacted:card]1111&token=[redacted:credential]&c=d")
    assert redactions(record) >= {
        ("request_body", "mail"), ("request_body", "credential"), ("response_body", "card")}

    long = json.dumps(["x" * 50] * 100).encode()
    record = proxy.record(once(
        proxy.address, request("POST", "/v1/a/patients/b", JSON, body=long)))
    body = record["detail"]["request_body"]
    assert long.replace(b" ", b"").startswith(body["text"].encode())
    assert 900 < len(body["text"]) <= 1024
    assert record["detail"]["trunc"]["request_body/text"] == seen_body(long)

    # What can't be read, or is encoded, is a hash alone.
    for fields, data in [(JSON, b'{"a":1'), (JSON, b"{'a':1}"), ({}, b"text"),
                         ({**JSON, "Content-Encoding": "gzip"}, b"{}"),
                         ({"Content-Type": "text/plain"}, b"password: x")]:
        record = proxy.record(once(
            proxy.address, request("POST", "/v1/a/patients/b", fields, body=data)))
        assert record["detail"]["request_body"] == seen_body(data)
    assert proxy.stop() == 0


@pytest.mark.parametrize("level", LEVELS)
def test_planted_secrets_are_in_no_record(make_proxy, upstream, tokens, level):
    """At every level, with everything chosen that can be: no credential, nothing redacted."""
    secret = "PLANTED" + os.urandom(6).hex()
    proxy = make_proxy(
        routes=routes(level), audit={"privacy": PRIVACY, "level": level})

    # What an upstream says in harmless members of its JSON is recorded at level body, so it says
    # nothing here that it heard.
    @upstream.on("/secure/x")
    @upstream.on("/v1/a/patients/x/y")
    @upstream.on(f"/v1/a/patients/{secret};v=1/x")
    @upstream.on(f"/v1/a/patients/{secret}")
    def answer(exchange):
        exchange.respond(
            secret.encode(),
            fields=f"Set-Cookie: s={secret}\r\nX-Mail: {secret}\r\nLocation: /?{secret}\r\n")

    token = tokens.make(secret)
    fields = {"Cookie": f"s={secret}", "X-Api-Key": secret, "X-Mail": secret,
              "Referer": f"http://x/{secret}", "Proxy-Authorization": f"Basic {secret}"}
    encoded = quote(secret, safe="").replace("P", "%50").replace("T", "%54")
    sent = [
        request(target=f"/v1/a/patients/{secret}", fields=fields),
        request(target=f"/v1/a/patients/{encoded};v=1/x?card={secret}&x%3Dtoken={secret}"),
        request(target=f"/v1/a/patients/x/y?a=1%26password%3D{secret}&sig={secret};pwd={secret}"),
        request(target=f"/v1/a/patients/x/y?u=http%3A%2F%2Fh%3Faccess_token%3D{secret}"),
        request("POST", "/v1/a/patients/x/y", fields, body=secret.encode()),
        request("POST", "/v1/a/patients/x/y", {**fields, **JSON}, body=json.dumps(
            {"a": {"apiKey": [secret]}, "who": {"x": {"mail": secret}}}).encode()),
        request("POST", "/v1/a/patients/x/y", {**fields, **JSON}, body=(
            '{"a": 1, "passw\\u006frd": {"x": ["' + secret).encode()),
        request("POST", "/v1/a/patients/x/y",
                {"Content-Type": "application/x-www-form-urlencoded"},
                body=f"c%61rd={secret}&client_secret={secret};x%26pin%3D{secret}".encode()),
        request(target=f"/v1/a/patient/{secret}"),
        request(target=f"/v1/a/patients/{secret}/../x"),
        request(target=f"/v1/a/patients/{secret}%2fx"),
        request(target="/secure/x", fields={"Authorization": f"Bearer {secret}"}),
        request(target="/secure/x", token=token),
        f"GET /v1/a/patients/{secret} HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n".encode(),
        f"GET /v1/a/patients/{secret} HT".encode(),
    ]
    for data in sent[:-1]:
        once(proxy.address, data)
    with Client(proxy.address) as client:
        client.send(sent[-1])
    proxy.log.where(lambda record: True, count=len(sent))
    assert proxy.stop() == 0
    said = proxy.log.everything()
    for form in (secret, encoded, secret.lower(), base64.b64encode(secret.encode()).decode()):
        assert form.encode() not in said
    for part in token.split("."):
        assert part.encode() not in said
    assert secret not in "".join(proxy.lines)
    if level == "none":
        assert all(record.subject == {} and record.detail == {}
                   for record in proxy.log.requests())
