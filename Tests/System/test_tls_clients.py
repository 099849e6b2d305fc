"""Mutual TLS: which certificates are taken, what they allow, and what the log says of them."""

import base64
import json

import pytest

from harness.client import Client, once, request
from harness.pki import pem
from harness.tls import V12, V13, TLSClient, ask, context_of, refused, s_client

VERSIONS = [V12, V13]
REFUSALS = {
    "stranger": "tls.certificate_untrusted",
    "expired_client": "tls.certificate_expired",
    "revoked_client": "tls.certificate_revoked",
    "wrong_usage_client": "tls.certificate_unsuitable",
}


def at(proxy, listener):
    return proxy.addresses[listener]


def with_certificate(identity, version=None):
    return context_of(certificate=identity, minimum=version or V12, maximum=version or V13)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listener", ["asking", "demanding"])
def test_a_good_certificate(tls_proxy, pki, listener, version):
    response, client = ask(at(tls_proxy, listener), with_certificate(pki.client, version))
    assert response.status == 200
    record = tls_proxy.record(response)
    assert record["subject"]["cert"] == {
        "names": [f"uri:{pki.spiffe}", "dns:billing.client.test",
                  "email:billing@client.test", "ip:192.0.2.7"],
        "sha256": pki.client.sha256, "subject": "CN=client,O=Tests"}
    assert "alert" not in record["tls"]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_certificate(tls_proxy, version):
    context = context_of(minimum=version, maximum=version)
    response, _ = ask(at(tls_proxy, "asking"), context)
    assert response.status == 200
    assert "cert" not in tls_proxy.record(response)["subject"]
    port, error = refused(at(tls_proxy, "demanding"), context)
    record = tls_proxy.log.failed_handshake(port)
    assert record["reason"] == "tls.certificate_missing"
    assert record["outcome"] == "deny"
    assert record["tls"]["alert"] == (
        "certificate_required" if version == V13 else "handshake_failure")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listener", ["asking", "demanding"])
@pytest.mark.parametrize("name", REFUSALS)
def test_a_bad_certificate_is_refused(tls_proxy, pki, listener, name, version):
    """Also where none is needed: a client that shows one means it."""
    identity = getattr(pki, name)
    port, _ = refused(at(tls_proxy, listener), with_certificate(identity, version))
    record = tls_proxy.log.failed_handshake(port)
    assert record["reason"] == REFUSALS[name]
    assert record["outcome"] == "deny"
    assert record["subject"]["cert"]["sha256"] == identity.sha256
    assert record["subject"]["cert"]["subject"] == identity.certificate.subject.rfc4514_string()


@pytest.mark.parametrize("has_parents_list", [False, True])
def test_an_issuing_authority_with_its_revocation_list(make_proxy, pki, tmp_path,
                                                       has_parents_list):
    """`client_ca` need not be self-signed; its own list decides, with its parent's or without."""
    authority, lists = tmp_path / "ca.pem", tmp_path / "crl.pem"
    authority.write_bytes(pem(pki.client_authority.certificate))
    lists.write_bytes(pki.revocations(pki.revoked_client) if has_parents_list
                      else pki.client_authority.revocations(pki.revoked_client))
    proxy = make_proxy(listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [pki.ec.settings], "client_auth": "require",
        "client_ca": str(authority), "client_crl": str(lists)}}})
    for version in VERSIONS:
        response, _ = ask(proxy.address, with_certificate(pki.client, version))
        assert response.status == 200
        port, _ = refused(proxy.address, with_certificate(pki.revoked_client, version))
        assert proxy.log.failed_handshake(port)["reason"] == "tls.certificate_revoked"
        refused(proxy.address, with_certificate(pki.stranger, version))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("what", ["of_the_root_missing", "of_the_issuer_missing", "stale", "forged"])
def test_without_a_good_revocation_list_nobody_is_let_in(make_proxy, pki, tmp_path, version, what):
    issuer, root = pki.client_authority, pki.client_root
    lists = {
        "of_the_root_missing": issuer.revocations(),
        "of_the_issuer_missing": root.revocations(),
        "stale": issuer.revocations(age_days=9) + root.revocations(),
        "forged": issuer.revocations(key=pki.strange_root.key) + root.revocations()}
    file = tmp_path / "crl.pem"
    file.write_bytes(lists[what])
    proxy = make_proxy(listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [pki.ec.settings], "client_auth": "optional",
        "client_ca": str(pki.client_root_file), "client_crl": str(file)}}})
    port, _ = refused(proxy.address, with_certificate(pki.client, version))
    assert proxy.log.failed_handshake(port)["reason"] == "tls.certificate_revoked"


@pytest.mark.parametrize("version", VERSIONS)
def test_too_many_certificates_to_an_authority(make_proxy, pki, version):
    """Four in between, three allowed; without revocation lists, which these have none of."""
    tls = {"certificates": [pki.ec.settings], "client_ca": str(pki.client_root_file),
           "client_auth": "require"}
    proxy = make_proxy(listeners={
        "public": {"address": "127.0.0.1:0", "tls": tls},
        "patient": {"address": "127.0.0.1:0", "tls": {**tls, "client_verify_depth": 4}}})
    context = with_certificate(pki.deep_client, version)
    port, _ = refused(at(proxy, "public"), context)
    reason = proxy.log.failed_handshake(port)["reason"]
    assert reason in ("tls.certificate_unsuitable", "tls.certificate_untrusted")
    assert ask(at(proxy, "patient"), context)[0].status == 200
    assert ask(at(proxy, "public"), with_certificate(pki.client, version))[0].status == 200


def test_a_listener_that_does_not_ask(tls_proxy, pki):
    response, _ = ask(at(tls_proxy, "secure"), with_certificate(pki.client))
    assert response.status == 200
    assert "cert" not in tls_proxy.record(response)["subject"]
    response, _ = ask(at(tls_proxy, "secure"), with_certificate(pki.client),
                      request(target="/cert/any"))
    assert (response.status, response.reason) == (403, "policy.certificate_missing")


def test_the_authorities_are_named_to_the_client(tls_proxy):
    peer = s_client(at(tls_proxy, "demanding"), "-tls1_2")
    assert "Acceptable client certificate CA names" in peer.out
    assert "CN = Client Root" in peer.out


# ---- a certificate as a route's authentication

def test_a_certificate_alone(tls_proxy, pki):
    response, _ = ask(at(tls_proxy, "asking"), with_certificate(pki.client),
                      request(target="/cert/any", fields={"X-Certificate": "forged"}))
    assert response.status == 200, response.body
    fields = json.loads(response.body)["fields"]
    assert [value for name, value in fields if name == "X-Certificate"] == [pki.client.sha256]
    assert ["X-Certificate-Subject", pki.spiffe] in fields
    assert ["X-User", pki.spiffe] in fields
    record = tls_proxy.record(response)
    assert record["auth"] == {"scheme": "mtls"}
    assert record["subject"]["sub"] == pki.spiffe
    assert record["outcome"] == "allow"


@pytest.mark.parametrize("name, subject", [
    ("named_client", "named.client.test"), ("bare_client", "CN=bare-client,O=Tests")])
def test_who_a_certificate_is(tls_proxy, pki, name, subject):
    response, _ = ask(at(tls_proxy, "demanding"), with_certificate(getattr(pki, name)),
                      request(target="/cert/any"))
    assert response.status == 200
    assert tls_proxy.record(response)["subject"]["sub"] == subject


def test_without_a_certificate_nobody_is_let_in(tls_proxy):
    for address, make in [(at(tls_proxy, "asking"), ask), (at(tls_proxy, "public"), None)]:
        data = request(target="/cert/any")
        response = once(address, data) if make is None else ask(address, context_of(), data)[0]
        assert (response.status, response.reason) == (403, "policy.certificate_missing")
        record = tls_proxy.record(response)
        assert record["outcome"] == "deny" and record["route"] == "cert-any"


@pytest.mark.parametrize("route, allowed", [
    ("uri", {"client"}), ("uri-prefix", {"client"}), ("other-uri", set()),
    ("dns", {"named_client"}), ("dns-wildcard", {"client", "named_client"}),
    ("email", {"client"}), ("subject", {"client"}), ("sha256", {"client"})])
def test_attributes_that_a_route_demands(tls_proxy, pki, route, allowed):
    for name in ("client", "named_client", "bare_client"):
        response, _ = ask(at(tls_proxy, "asking"), with_certificate(getattr(pki, name)),
                          request(target=f"/cert/{route}"))
        if name in allowed:
            assert response.status == 200, (name, response.body)
        else:
            assert (response.status, response.reason) == (403, "policy.certificate_refused")
            assert tls_proxy.record(response)["outcome"] == "deny"


def test_a_token_or_a_certificate(tls_proxy, tokens, pki):
    data = request(target="/either")
    response, _ = ask(at(tls_proxy, "asking"), with_certificate(pki.client), data)
    assert response.status == 200
    assert tls_proxy.record(response)["auth"]["scheme"] == "mtls"
    token = request(target="/either", token=tokens.make("carol"))
    response, _ = ask(at(tls_proxy, "asking"), context_of(), token)
    assert response.status == 200
    record = tls_proxy.record(response)
    assert record["auth"]["scheme"] == "bearer" and record["subject"]["sub"] == "carol"
    # A bad token is not made good by a certificate beside it.
    bad = request(target="/either", token="a.b.c")
    response, _ = ask(at(tls_proxy, "asking"), with_certificate(pki.client), bad)
    assert response.status == 401
    assert once(at(tls_proxy, "public"), data).status in (401, 403)


def test_a_token_and_a_certificate(tls_proxy, tokens, pki):
    data = request(target="/both", token=tokens.make("dave"))
    response, _ = ask(at(tls_proxy, "asking"), with_certificate(pki.client), data)
    assert response.status == 200
    record = tls_proxy.record(response)
    assert record["auth"]["scheme"] == "bearer" and record["subject"]["sub"] == "dave"
    assert record["subject"]["cert"]["sha256"] == pki.client.sha256
    response, _ = ask(at(tls_proxy, "asking"), with_certificate(pki.bare_client), data)
    assert (response.status, response.reason) == (403, "policy.certificate_refused")
    response, _ = ask(at(tls_proxy, "asking"), context_of(), data)
    assert (response.status, response.reason) == (403, "policy.certificate_missing")
    response, _ = ask(at(tls_proxy, "asking"), with_certificate(pki.client),
                      request(target="/both"))
    assert response.status == 401


def test_a_token_bound_to_a_certificate(tls_proxy, tokens, pki):
    """RFC 8705 §3: the token is worth nothing on another's connection, also when remembered."""
    thumbprint = base64.urlsafe_b64encode(bytes.fromhex(pki.client.sha256)).rstrip(b"=").decode()
    token = tokens.make("bound", cnf={"x5t#S256": thumbprint})
    data = request(target="/secure/x", token=token)
    for _ in range(2):
        with TLSClient(at(tls_proxy, "asking"), with_certificate(pki.client)) as client:
            assert client.ask(data).status == 200
            assert client.ask(data).status == 200
        for context in (context_of(), with_certificate(pki.named_client)):
            response, _ = ask(at(tls_proxy, "asking"), context, data)
            assert (response.status, response.reason) == (401, "token.binding_mismatch")
            assert 'error="invalid_token"' in response.get("WWW-Authenticate")
        response = once(at(tls_proxy, "public"), data)
        assert (response.status, response.reason) == (401, "token.binding_mismatch")


def test_each_connection_has_its_own_certificate(tls_proxy, pki):
    """Two connections, asked in turn; neither inherits what the other showed."""
    data = request(target="/cert/uri")
    with TLSClient(at(tls_proxy, "asking"), with_certificate(pki.client)) as one, \
            TLSClient(at(tls_proxy, "asking"), with_certificate(pki.bare_client)) as two, \
            TLSClient(at(tls_proxy, "asking"), context_of()) as three:
        for _ in range(3):
            assert one.ask(data).status == 200
            assert two.ask(data).status == 403
            assert three.ask(data).reason == "policy.certificate_missing"


def test_a_plain_connection_after_a_tls_one(tls_proxy, pki):
    """Slots are used again; what they held is not."""
    for _ in range(10):
        ask(at(tls_proxy, "asking"), with_certificate(pki.client), request(target="/cert/any"))
        with Client(at(tls_proxy, "public")) as client:
            assert client.ask(request(target="/cert/any")).status == 403
