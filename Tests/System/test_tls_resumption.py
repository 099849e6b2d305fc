"""Sessions taken up again: on any worker, and never past a change of what a client must show."""

import datetime
import os

import pytest

from harness.client import request
from harness.pki import CLIENT, now
from harness.tls import LAST, V12, V13, ask, context_of, refused, s_client
from harness.waiting import until

VERSIONS = [V12, V13]


def resuming(proxy, context, listener, times, name="api.test"):
    """Connects once, and `times` more with the session; their records' `tls`, and workers."""
    address = proxy.addresses[listener]
    _, first = ask(address, context, name=name)
    assert not first.was_reused
    ports = []
    for _ in range(times):
        _, client = ask(address, context, name=name, session=first.kept_session)
        ports.append((client.port, client.was_reused))
    out = []
    for port, was_reused in ports:
        record = proxy.log.of(port)[0]
        assert record.core["tls"]["resumed"] is was_reused
        out.append((was_reused, record))
    return out


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_resumed_on_every_worker(tls_proxy, version):
    context = context_of(minimum=version, maximum=version)
    found = resuming(tls_proxy, context, "secure", 24)
    assert all(was_reused for was_reused, _ in found)
    assert {record.core["worker"] for _, record in found} == {0, 1}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_session_keeps_its_certificate(tls_proxy, pki, version):
    context = context_of(certificate=pki.client, minimum=version, maximum=version)
    address = tls_proxy.addresses["demanding"]
    _, first = ask(address, context, request(target="/cert/any"))
    response, client = ask(address, context, request(target="/cert/any"),
                           session=first.kept_session)
    assert client.was_reused and response.status == 200
    record = tls_proxy.record(response)
    assert record["tls"]["resumed"] is True
    assert record["subject"]["cert"]["sha256"] == pki.client.sha256
    assert record["subject"]["sub"] == pki.spiffe


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_resumes(tls_proxy, tmp_path, version):
    session = tmp_path / "session"
    first = s_client(tls_proxy.addresses["secure"], version, "-sess_out", session, data=LAST)
    assert not first.was_reused and session.exists(), first.err
    again = s_client(tls_proxy.addresses["secure"], version, "-sess_in", session, data=LAST)
    assert again.was_reused, again.out


@pytest.mark.parametrize("version", VERSIONS)
def test_without_tickets_nothing_is_resumed(tls_proxy, version):
    context = context_of(minimum=version, maximum=version)
    address = tls_proxy.addresses["quick"]
    _, first = ask(address, context)
    if version is V12:
        assert not first.kept_session.has_ticket
    _, again = ask(address, context, session=first.kept_session)
    assert not again.was_reused


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_another_listener_is_not_resumed(tls_proxy, pki, version):
    """Else a session made where no certificate is needed would be one where it is."""
    context = context_of(minimum=version, maximum=version)
    _, first = ask(tls_proxy.addresses["asking"], context)
    port, _ = refused(tls_proxy.addresses["demanding"], context, session=first.kept_session)
    assert tls_proxy.log.failed_handshake(port)["reason"] == "tls.certificate_missing"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("what", ["client_ca", "client_crl"])
def test_a_changed_authority_or_revocation_list_ends_sessions(
        make_proxy, pki, tmp_path, version, what):
    files = {"client_ca": tmp_path / "ca.pem", "client_crl": tmp_path / "crl.pem"}
    files["client_ca"].write_bytes(pki.client_root_file.read_bytes())
    files["client_crl"].write_bytes(pki.revocations())
    proxy = make_proxy(listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [pki.ec.settings], "client_auth": "require",
        **{key: str(file) for key, file in files.items()}}}})
    context = context_of(certificate=pki.client, minimum=version, maximum=version)
    _, first = ask(proxy.address, context)
    _, again = ask(proxy.address, context, session=first.kept_session)
    assert again.was_reused

    new = tmp_path / "new"
    new.write_bytes(pki.strange_root_file.read_bytes() if what == "client_ca"
                    else pki.revocations(pki.client))
    os.replace(new, files[what])
    expected = ("tls.certificate_untrusted" if what == "client_ca"
                else "tls.certificate_revoked")

    def is_taken() -> bool:
        try:
            _, client = ask(proxy.address, context, session=first.kept_session)
        except OSError:
            return True
        return False

    until(is_taken, f"the new {what}")
    # Every worker has taken it by now, or takes it with its next turn.
    reasons = [proxy.log.failed_handshake(
        refused(proxy.address, context, session=first.kept_session)[0])["reason"]
        for _ in range(8)]
    # Without the old authority its revocation lists are of no use either.
    assert set(reasons) <= {expected, "tls.certificate_untrusted"}, reasons


def test_an_expired_certificate_is_not_resumed(make_proxy, pki, tmp_path):
    """A ticket made before the certificate's end is not taken after it."""
    short = pki.client_authority.issue(
        "short", usage=CLIENT, end=now() + datetime.timedelta(seconds=4)).write(
            tmp_path, "short")
    proxy = make_proxy(listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [pki.ec.settings], "client_auth": "require",
        "client_ca": str(pki.client_root_file)}}})
    context = context_of(certificate=short)
    _, first = ask(proxy.address, context)
    _, again = ask(proxy.address, context, session=first.kept_session)
    assert again.was_reused

    def is_over() -> bool:
        try:
            ask(proxy.address, context, session=first.kept_session)
        except OSError:
            return True
        return False

    until(is_over, "the certificate's end")
    port, _ = refused(proxy.address, context, session=first.kept_session)
    assert proxy.log.failed_handshake(port)["reason"] == "tls.certificate_expired"
