"""Fixtures of the system tests: everything on loopback, on ports that the kernel chooses."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.client import Client  # noqa: E402
from harness.nginx import Nginx  # noqa: E402
from harness.pki import PKI  # noqa: E402
from harness.proxy import Proxy, settings  # noqa: E402
from harness.tokens import TokenMaker  # noqa: E402
from harness.upstream import Upstream  # noqa: E402

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def tokens() -> TokenMaker:
    return TokenMaker()


@pytest.fixture(scope="session")
def shared_upstream():
    upstream = Upstream()
    yield upstream
    upstream.close()
    assert not upstream.failures, upstream.failures


@pytest.fixture
def upstream(shared_upstream) -> Upstream:
    shared_upstream.forget()
    shared_upstream.handlers.clear()
    return shared_upstream


@pytest.fixture(scope="session")
def proxy(tmp_path_factory, shared_upstream, tokens):
    """The proxy that most tests share: two workers, all defaults but short upstream times."""
    directory = tmp_path_factory.mktemp("shared")
    trusting = {"public": {"address": "127.0.0.1:0"},
                "behind": {"address": "127.0.0.1:0", "trusted_proxies": ["127.0.0.0/8"]}}
    running = Proxy(directory, settings(
        directory, shared_upstream.port, tokens, listeners=trusting)).start()
    yield running
    assert running.stop() == 0, "".join(running.lines)


@pytest.fixture(scope="session")
def pki(tmp_path_factory) -> PKI:
    return PKI(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def tls_proxy(tmp_path_factory, shared_upstream, tokens, pki):
    """The proxy that most tests of TLS share, with a listener for each way of speaking it."""
    directory = tmp_path_factory.mktemp("tls")
    running = Proxy(directory, settings(
        directory, shared_upstream.port, tokens, listeners=tls_listeners(pki),
        routes=tls_routes(pki))).start()
    yield running
    assert running.stop() == 0, "".join(running.lines)


def tls_listeners(pki: PKI) -> dict:
    address = "127.0.0.1:0"
    certificates = [{**pki.ec.settings, "ocsp": str(pki.ocsp(pki.ec))}, pki.rsa.settings,
                    pki.wildcard.settings]
    asking = {"certificates": [pki.ec.settings], "client_ca": str(pki.client_root_file),
              "client_crl": str(pki.revocations_file)}
    return {
        "public": {"address": address},
        "secure": {"address": address, "tls": {"certificates": certificates}},
        "modern": {"address": address, "tls": {
            "certificates": [pki.rsa.settings], "min_version": "1.3"}},
        "choosy": {"address": address, "tls": {
            "certificates": certificates, "unknown_server_name": "refuse"}},
        "quick": {"address": address, "tls": {
            "certificates": [pki.ec.settings], "handshake_timeout": "500ms",
            "session_tickets": "off", "hsts": "off"}},
        "asking": {"address": address, "tls": {**asking, "client_auth": "optional"}},
        "demanding": {"address": address, "tls": {
            **asking, "client_auth": "require",
            "hsts": {"max_age": "400d", "include_subdomains": True, "preload": True}}},
        "redirecting": {"address": address, "redirect_to_https": 8443},
        "plainly": {"address": address, "redirect_to_https": 443},
    }


def tls_routes(pki: PKI) -> list[dict]:
    def certificate(name: str, **allowed) -> dict:
        route = {"name": f"cert-{name}", "match": {"path": f"/cert/{name}"},
                 "auth": "client_certificate", "upstream": "main"}
        return {**route, "allow": {"certificate": allowed}} if allowed else route

    return [
        {"name": "health", "match": {"path": "/health"}, "auth": "none",
         "respond": {"status": 200, "body": "ok"}},
        {"name": "open", "match": {"path": "/open/**"}, "auth": "none", "upstream": "main"},
        {"name": "secure", "match": {"path": "/secure/**"}, "auth": "corp", "upstream": "main"},
        {**certificate("any"), "request_headers": {"set": {
            "X-Certificate": "${identity.certificate.sha256}",
            "X-Certificate-Subject": "${identity.certificate.name}",
            "X-User": "${identity.subject}"}}},
        certificate("uri", uri=pki.spiffe),
        certificate("uri-prefix", uri="spiffe://tests.example/ns/prod/*"),
        certificate("other-uri", uri="spiffe://tests.example/ns/dev/*"),
        certificate("dns", dns="NAMED.client.test"),
        certificate("dns-wildcard", dns=["nobody.test", "*.client.test"]),
        certificate("email", email="billing@client.test"),
        certificate("subject", subject="CN=client,O=Tests"),
        certificate("sha256", sha256=pki.client.sha256),
        {"name": "either", "match": {"path": "/either"}, "auth": ["corp", "client_certificate"],
         "upstream": "main"},
        {"name": "both", "match": {"path": "/both"}, "auth": "corp",
         "allow": {"certificate": {"uri": pki.spiffe}}, "upstream": "main"},
    ]


@pytest.fixture
def make_proxy(tmp_path, shared_upstream, tokens):
    """Starts proxies with settings of their own; they are stopped behind the test."""
    made: list[Proxy] = []

    def make(start: bool = True, directory: Path | None = None, upstream_port=None,
             **changes) -> Proxy:
        place = directory or tmp_path / f"proxy{next(NUMBERS)}"
        running = Proxy(place, settings(
            place, upstream_port or shared_upstream.port, tokens, **changes))
        # Before the start: one that fails half-way is stopped, too.
        made.append(running)
        if start:
            running.start()
        return running

    yield make
    # All are stopped before any complaint, so that none is left running.
    complaints = [complaint for running in made if (complaint := stopped(running))]
    assert not complaints, "\n".join(complaints)


def stopped(running: Proxy) -> str | None:
    """Stops the proxy, if it still runs; what was wrong with its end."""
    if running.process is None or running.process.poll() is not None:
        return None
    try:
        code = running.stop()
    except AssertionError as error:
        return str(error)
    return None if code == 0 else f"exit {code}:\n{''.join(running.lines)}"


@pytest.fixture
def client(proxy):
    """A connection to the shared proxy."""
    with Client(proxy.address) as connection:
        yield connection


@pytest.fixture
def path(request):
    """A path of this test alone, so that what the upstream saw can be told apart."""
    return f"/open/{next(NUMBERS)}"


@pytest.fixture(scope="session")
def nginx(tmp_path_factory):
    server = Nginx(tmp_path_factory.mktemp("nginx"))
    yield server
    server.stop()
