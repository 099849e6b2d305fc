"""Certificates that change on disk while connections are open."""

import os
import shutil
import time

import pytest

from harness.client import request
from harness.tls import TLSClient, ask, context_of, s_client
from harness.waiting import until


class Files:
    """A listener's certificate and key in a folder of their own."""

    def __init__(self, folder, identity):
        folder.mkdir()
        self.folder = folder
        self.cert, self.key = folder / "tls.crt", folder / "tls.key"
        self.put(identity)

    def put(self, identity) -> None:
        """Each file is replaced by a rename, as certbot does; the key first."""
        for source, target in ((identity.key_file, self.key), (identity.cert_file, self.cert)):
            new = target.with_suffix(".new")
            shutil.copy(source, new)
            new.chmod(0o600)
            os.replace(new, target)

    @property
    def settings(self) -> dict:
        return {"cert": str(self.cert), "key": str(self.key)}


def shown(proxy) -> str:
    with TLSClient(proxy.address, context_of()) as client:
        return client.shown


def takes(proxy, identity) -> None:
    """Every worker shows the certificate: several connections in a row do."""
    until(lambda: all(shown(proxy) == identity.sha256 for _ in range(8)),
          f"the certificate {identity.sha256}")


def start(make_proxy, certificates, **tls):
    return make_proxy(listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": certificates, **tls}}})


def said(proxy, *words: str) -> str:
    def find():
        return [line for line in proxy.lines if all(word in line for word in words)]
    return until(find, f"a line with {words}: {''.join(proxy.lines)}")[0]


def test_a_certificate_is_replaced_by_renames(make_proxy, pki, tmp_path):
    files = Files(tmp_path / "certs", pki.ec)
    proxy = start(make_proxy, [files.settings])
    loaded = proxy.log.events("certificates_loaded")
    assert loaded[0]["listener"] == "public"
    assert loaded[0]["certificates"][0]["sha256"] == pki.ec.sha256
    assert "api.test" in loaded[0]["certificates"][0]["names"]
    with TLSClient(proxy.address, context_of()) as before:
        assert before.shown == pki.ec.sha256
        files.put(pki.other)
        takes(proxy, pki.other)
        # The open connection went on meanwhile, and goes on.
        assert before.ask(request()).status == 200
    files.put(pki.rsa)
    takes(proxy, pki.rsa)
    until(lambda: len(proxy.log.events("certificates_loaded")) >= 3, "three records")
    last = proxy.log.events("certificates_loaded")[-1]
    assert last["certificates"][0]["sha256"] == pki.rsa.sha256


def test_a_certificate_is_replaced_by_a_symbolic_link(make_proxy, pki, tmp_path):
    """As Kubernetes mounts secrets: `tls.crt` → `..data/tls.crt`, `..data` → a folder."""
    mount = tmp_path / "mount"
    mount.mkdir()

    def version(name, identity):
        folder = mount / name
        folder.mkdir()
        shutil.copy(identity.cert_file, folder / "tls.crt")
        shutil.copy(identity.key_file, folder / "tls.key")
        (folder / "tls.key").chmod(0o600)
        os.symlink(name, mount / "..new")
        os.replace(mount / "..new", mount / "..data")

    version("..one", pki.ec)
    for name in ("tls.crt", "tls.key"):
        os.symlink(f"..data/{name}", mount / name)
    proxy = start(make_proxy, [{"cert": str(mount / "tls.crt"), "key": str(mount / "tls.key")}])
    assert shown(proxy) == pki.ec.sha256
    version("..two", pki.other)
    shutil.rmtree(mount / "..one")
    takes(proxy, pki.other)
    version("..three", pki.rsa)
    takes(proxy, pki.rsa)


@pytest.mark.parametrize("what", ["no-pem", "empty", "other-key", "missing", "readable-key"])
def test_a_broken_file_keeps_the_old_certificate(make_proxy, pki, tmp_path, what):
    files = Files(tmp_path / "certs", pki.ec)
    proxy = start(make_proxy, [files.settings])
    if what == "no-pem":
        files.cert.write_text("nothing of the kind\n")
    elif what == "empty":
        files.cert.write_bytes(b"")
    elif what == "other-key":
        shutil.copy(pki.other.key_file, files.key)
    elif what == "missing":
        files.cert.unlink()
    else:
        files.key.chmod(0o644)
        files.key.touch()
    event = proxy.log.events("certificates_refused")[-1]
    assert event["listener"] == "public" and event["why"]
    assert str(tmp_path / "certs") in event["file"]
    said(proxy, str(tmp_path / "certs"))
    for _ in range(4):
        assert shown(proxy) == pki.ec.sha256
    # A good pair behind it is taken.
    files.key.unlink(missing_ok=True)
    files.put(pki.other)
    takes(proxy, pki.other)


def test_an_ocsp_answer_is_replaced(make_proxy, pki, tmp_path):
    answer = tmp_path / "answer.ocsp"
    shutil.copy(pki.ocsp(pki.ec), answer)
    proxy = start(make_proxy, [{**pki.ec.settings, "ocsp": str(answer)}])

    def until_when() -> str:
        peer = s_client(proxy.address, "-status")
        return next((line for line in peer.out.splitlines() if "Next Update" in line), "")

    first = until_when()
    assert first
    new = tmp_path / "new"
    shutil.copy(pki.ocsp(pki.ec, days=30), new)
    os.replace(new, answer)
    until(lambda: until_when() not in ("", first), "the new answer")


def test_many_swaps_disturb_nobody(make_proxy, pki, tmp_path):
    files = Files(tmp_path / "certs", pki.ec)
    proxy = start(make_proxy, [files.settings])
    end = time.monotonic() + 4
    identities = [pki.ec, pki.other]
    swaps = requests = 0
    shown_ones = set()
    with TLSClient(proxy.address, context_of()) as steady:
        while time.monotonic() < end:
            swaps += 1
            files.put(identities[swaps % 2])
            for _ in range(5):
                response, client = ask(proxy.address, context_of())
                assert response.status == 200
                assert steady.ask(request()).status == 200
                requests += 2
            shown_ones.add(shown(proxy))
    assert shown_ones <= {pki.ec.sha256, pki.other.sha256} and requests > 20
    files.put(pki.rsa)
    takes(proxy, pki.rsa)
