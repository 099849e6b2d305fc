"""Who is asking: one test per reason for a 401 or 403, and the challenge that goes with it."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness.client import Client, once, request
from harness.tokens import TokenMaker, b64

CHALLENGE = 'Bearer realm="test"'


def ask(proxy, token=None, target="/secure/x", fields=None, **rest):
    return once(proxy.address, request(target=target, token=token, fields=fields, **rest))


@pytest.mark.parametrize("algorithm", [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"])
def test_every_algorithm(proxy, tokens, algorithm):
    response = ask(proxy, tokens.make(f"user-{algorithm}", algorithm=algorithm))
    assert response.status == 200, response.body
    record = proxy.record(response)
    assert record["auth"]["alg"] == algorithm
    assert record["auth"]["issuer"] == "corp"
    assert record["auth"]["kid"] == tokens.key_id(algorithm)
    assert record["auth"]["scheme"] == "bearer"
    assert record["subject"]["sub"] == f"user-{algorithm}"
    assert record["subject"]["client_id"] == "cli"


def test_the_second_use_comes_from_the_cache(proxy, tokens):
    token = tokens.make("cached")
    with Client(proxy.address) as client:  # one connection, one worker
        first = client.ask(request(target="/secure/x", token=token))
        second = client.ask(request(target="/secure/x", token=token))
    assert proxy.record(first)["auth"]["cached"] is False
    assert proxy.record(second)["auth"]["cached"] is True


def test_the_scheme_is_case_insensitive(proxy, tokens):
    response = ask(proxy, fields={"Authorization": "bEaReR " + tokens.make()})
    assert response.status == 200


def test_no_credentials(proxy):
    response = ask(proxy)
    assert (response.status, response.reason) == (401, "token.missing")
    assert response.get("WWW-Authenticate") == CHALLENGE
    record = proxy.record(response)
    assert record["outcome"] == "deny" and record["route"] == "secure"
    assert "auth" not in record or "issuer" not in record["auth"]


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "Digest x", "Bearerx y"])
def test_another_scheme(proxy, value):
    response = ask(proxy, fields={"Authorization": value})
    assert (response.status, response.reason) == (401, "token.scheme_unsupported")
    assert response.get("WWW-Authenticate") == CHALLENGE


def test_two_authorization_fields(proxy, tokens):
    value = "Bearer " + tokens.make()
    response = ask(proxy, fields=[("Authorization", value), ("Authorization", value)])
    assert (response.status, response.reason) == (400, "token.duplicate_credentials")
    assert 'error="invalid_request"' in response.get("WWW-Authenticate")


def test_a_token_in_the_query_as_well(proxy, tokens):
    token = tokens.make()
    response = ask(proxy, token, target=f"/secure/x?access_token={token}")
    assert (response.status, response.reason) == (400, "token.duplicate_credentials")


def test_a_token_in_the_query_alone_is_none(proxy, tokens):
    response = ask(proxy, target=f"/secure/x?access_token={tokens.make()}")
    assert (response.status, response.reason) == (401, "token.missing")


def header(**changes) -> bytes:
    value = {"alg": "ES256", "typ": "at+jwt", "kid": "es256", **changes}
    return json.dumps({k: v for k, v in value.items() if v is not None}).encode()


def payload(maker: TokenMaker, **changes) -> bytes:
    return json.dumps(maker.claims(**changes)).encode()


def hs256_with_public_key(maker: TokenMaker) -> str:
    """The classic confusion: the public RSA key used as an HMAC secret."""
    import hashlib
    import hmac
    from cryptography.hazmat.primitives import serialization
    secret = maker.keys["RS256"].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f'{b64({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"})}.{b64(maker.claims())}'
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def tampered(maker: TokenMaker) -> str:
    head, body, signature = maker.make("alice").split(".")
    return f"{head}.{b64(maker.claims('mallory'))}.{signature}"


def der_signature(maker: TokenMaker) -> str:
    """ES256 signatures are raw R||S of 64 bytes; the DER form is another signature's spelling."""
    from cryptography.hazmat.primitives import hashes
    signed = f"{b64(header())}.{b64(payload(maker))}"
    return f"{signed}.{b64(maker.keys['ES256'].sign(signed.encode(), ec.ECDSA(hashes.SHA256())))}"


NOW = time.time
# name, how to make the token, the reasons that say so.
BAD = [
    ("not three parts", lambda m: "abc.def", "token.malformed"),
    ("five parts", lambda m: "a.b.c.d.e", "token.encrypted"),
    ("empty", lambda m: "..", "token.malformed"),
    ("padding", lambda m: m.make() + "=", "token.malformed"),
    ("no base64url", lambda m: m.make().replace(".", ".+", 1), "token.malformed"),
    ("too large", lambda m: m.make(note="x" * 9000), "token.too_large"),
    ("header no JSON", lambda m: m.sign_raw(b"{nonsense", payload(m)), "token.header_invalid"),
    ("header no object", lambda m: m.sign_raw(b'["ES256"]', payload(m)), "token.header_invalid"),
    ("duplicate in header", lambda m: m.sign_raw(
        b'{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"es256"}', payload(m)),
     "token.duplicate_member"),
    ("duplicate in claims", lambda m: m.sign_raw(
        header(), payload(m)[:-1] + b',"sub":"root"}'), "token.duplicate_member"),
    ("too deep", lambda m: m.sign_raw(
        header(), payload(m)[:-1] + b',"x":' + b"[" * 40 + b"]" * 40 + b"}"), "token.too_deep"),
    ("crit", lambda m: m.sign_raw(header(crit=["b64"], b64=False), payload(m)),
     "token.crit_unsupported"),
    ("alg none", lambda m: f'{b64({"alg": "none", "typ": "at+jwt"})}.{b64(m.claims())}.',
     ("token.algorithm_refused", "token.malformed")),
    ("alg None", lambda m: f'{b64({"alg": "nOnE", "typ": "at+jwt"})}.{b64(m.claims())}.AAAA',
     "token.algorithm_refused"),
    ("HS256 with a public key", hs256_with_public_key, "token.algorithm_refused"),
    ("typ JWT", lambda m: m.make(header={"typ": "JWT"}), "token.type_refused"),
    ("typ missing", lambda m: m.sign_raw(header(typ=None), payload(m)), "token.type_refused"),
    ("typ logout", lambda m: m.make(header={"typ": "logout+jwt"}), "token.type_refused"),
    ("unknown kid", lambda m: m.make(header={"kid": "../../etc/passwd"}), "token.key_unknown"),
    ("key of another type", lambda m: m.make(header={"kid": "rsa"}), "token.key_unsuitable"),
    ("another's key", lambda m: m.make(key=m.stranger), "token.signature_invalid"),
    ("key in the header", lambda m: m.make(key=m.stranger, header={
        "jwk": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(m.stranger.public_key()))}),
     "token.signature_invalid"),
    ("changed claims", tampered, "token.signature_invalid"),
    ("DER signature", der_signature, "token.signature_invalid"),
    ("other issuer", lambda m: m.make(iss="https://evil.test/"), "token.issuer_unknown"),
    ("issuer without slash", lambda m: m.make(iss="https://idp.test"), "token.issuer_unknown"),
    ("no issuer", lambda m: m.make(iss=None),
     ("token.issuer_unknown", "token.claim_missing")),
    ("other audience", lambda m: m.make(aud="https://other.test"), "token.audience_refused"),
    ("audience list without us", lambda m: m.make(aud=["a", "b"]), "token.audience_refused"),
    ("no audience", lambda m: m.make(aud=None),
     ("token.audience_refused", "token.claim_missing")),
    ("no exp", lambda m: m.make(exp=None), "token.expiry_missing"),
    ("expired", lambda m: m.make(exp=int(NOW()) - 60), "token.expired"),
    ("exp no number", lambda m: m.sign_raw(
        header(), payload(m).replace(b'"exp": ', b'"exp": "x", "was": ')),
     ("token.claim_invalid", "token.expiry_missing")),
    ("not yet", lambda m: m.make(nbf=int(NOW()) + 120), "token.not_yet_valid"),
    ("issued in the future", lambda m: m.make(iat=int(NOW()) + 120), "token.issued_at_invalid"),
    ("too old", lambda m: m.make(iat=int(NOW()) - 7200), "token.too_old"),
    ("no sub", lambda m: m.make(sub=None), "token.claim_missing"),
    ("no client_id", lambda m: m.make(client_id=None), "token.claim_missing"),
    ("no jti", lambda m: m.make(jti=None), "token.claim_missing"),
    ("no iat", lambda m: m.make(iat=None),
     ("token.claim_missing", "token.issued_at_invalid")),
    ("sub no string", lambda m: m.sign_raw(
        header(), json.dumps({**m.claims(), "sub": 7}).encode()), "token.claim_invalid"),
    ("sub too long", lambda m: m.make("x" * 600), "token.subject_too_long"),
    ("bound to a key", lambda m: m.make(cnf={"jkt": "abc"}), "token.binding_unsupported"),
]


@pytest.mark.parametrize("make,reasons", [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_bad_tokens(proxy, tokens, upstream, make, reasons):
    token = make(tokens)
    response = ask(proxy, token)
    assert response.status == 401
    assert response.reason in ([reasons] if isinstance(reasons, str) else reasons)
    assert response.get("WWW-Authenticate") == CHALLENGE + ', error="invalid_token"'
    assert upstream.seen.empty()
    record = proxy.record(response)
    assert record["reason"] == response.reason
    assert record["outcome"] == "deny"
    assert "sub" not in record["subject"], "an identity that nobody proved"


@pytest.mark.parametrize("good", [
    pytest.param({"aud": ["https://other.test", TokenMaker.audience]}, id="audience in a list"),
    pytest.param({"header": {"typ": "application/AT+JWT"}}, id="typ in full, any case"),
    pytest.param(lambda: {"exp": time.time() + 600.5}, id="fractional exp"),
    pytest.param(lambda: {"exp": int(time.time()) - 5}, id="within the skew"),
    pytest.param({"header": {"jku": "https://evil.test/keys"}}, id="jku is ignored"),
])
def test_good_tokens(proxy, tokens, good):
    changes = good() if callable(good) else good
    assert ask(proxy, tokens.make(**changes)).status == 200


def test_a_token_expires_inside_the_cache(make_proxy, tokens, upstream, tmp_path):
    """A cached token is refused once it has expired, without a skew here."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(tokens.jwks()))
    proxy = make_proxy(issuers={"corp": {
        "issuer": tokens.issuer, "audience": [tokens.audience], "algorithms": ["ES256"],
        "clock_skew": "0s", "claims": {"roles": "realm_access.roles"},
        "jwks": {"file": str(keys)}}})
    expiry = int(time.time()) + 2
    token = tokens.make("brief", exp=expiry)
    with Client(proxy.address) as client:
        response = client.ask(request(target="/secure/x", token=token))
        assert response.status == 200
        while response.status == 200:
            assert time.time() < expiry + 1, "it outlived its exp"
            time.sleep(0.02)
            response = client.ask(request(target="/secure/x", token=token))
        assert response.reason == "token.expired" and time.time() >= expiry


def test_a_role_is_missing(proxy, tokens):
    response = ask(proxy, tokens.make("bob", ["reader"]), target="/admin/x")
    assert (response.status, response.reason) == (403, "policy.role_missing")
    assert 'error="insufficient_scope"' in response.get("WWW-Authenticate")
    record = proxy.record(response)
    assert record["outcome"] == "deny" and record["route"] == "admin"
    assert record["subject"]["sub"] == "bob"


def test_a_role_decides(proxy, tokens):
    response = ask(proxy, tokens.make("root", ["reader", "admin"]), target="/admin/x")
    assert response.status == 200
    record = proxy.record(response)
    assert record["outcome"] == "allow"
    assert record["policy"]["rule"] == 0
    assert "admin" in json.dumps(record["subject"])


def test_no_roles_at_all(proxy, tokens):
    assert ask(proxy, tokens.make("x", []), target="/v1/t/orders").status == 403
    assert ask(proxy, tokens.make("x", realm_access=None), target="/v1/t/orders").status == 403
    assert ask(proxy, tokens.make("x", []), target="/secure/x").status == 200


def test_the_host_is_part_of_the_route(proxy, tokens):
    token = tokens.make()
    assert ask(proxy, token, target="/v1/t/orders/7").status == 200
    assert ask(proxy, token, target="/v1/t/orders/7", host="API.test:80").status == 200
    assert ask(proxy, token, target="/v1/t/orders/7", host="other.test").status == 404
    assert ask(proxy, token, target="/v1/t/u/orders/7").status == 404


def test_refusals_are_not_stored_by_caches(proxy):
    response = ask(proxy)
    assert response.get("Cache-Control") == "no-store"
    assert response.get("Content-Type") == "application/problem+json"
    assert json.loads(response.body)["request_id"] == response.get("X-Request-Id")
