"""What TLS needs at the start, what a start refuses, and where private keys are while it runs."""

import array
import itertools
import os
import shutil
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.client import request
from harness.proxy import BINARY, run
from harness.tls import TLSClient, ask, context_of


@pytest.fixture
def files(pki, tmp_path):
    """Copies that a test may spoil."""
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    shutil.copy(pki.ec.cert_file, cert)
    shutil.copy(pki.ec.key_file, key)
    key.chmod(0o600)
    return {"cert": str(cert), "key": str(key)}


def listening(*certificates, **tls) -> dict:
    return {"public": {"address": "127.0.0.1:0",
                       "tls": {"certificates": list(certificates), **tls}}}


def refusal(make_proxy, listeners, **changes) -> str:
    """What `serve` and `check` both say of settings that can't be served."""
    proxy = make_proxy(start=False, listeners=listeners, **changes)
    served = run(BINARY, "serve", "--config", proxy.file, check=None)
    checked = run(BINARY, "check", proxy.file, check=None)
    assert served.returncode != 0 and checked.returncode != 0, (served, checked)
    assert "listening" not in served.stderr
    return served.stderr


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_key_that_others_can_use(make_proxy, files, mode):
    Path(files["key"]).chmod(mode)
    said = refusal(make_proxy, listening(files))
    assert files["key"] in said and "chmod 600" in said


def test_a_key_of_another_certificate(make_proxy, files, pki):
    shutil.copy(pki.other.key_file, files["key"])
    said = refusal(make_proxy, listening(files))
    assert files["key"] in said or files["cert"] in said


@pytest.mark.parametrize("which", ["cert", "key"])
@pytest.mark.parametrize("content", [None, b"", b"not PEM\n"])
def test_a_file_that_is_no_certificate_or_key(make_proxy, files, which, content):
    if content is None:
        Path(files[which]).unlink()
    else:
        Path(files[which]).write_bytes(content)
    assert files[which] in refusal(make_proxy, listening(files))


def test_an_encrypted_key(make_proxy, files):
    encrypted = Path(files["key"]).with_suffix(".enc")
    subprocess.run(["openssl", "pkey", "-in", files["key"], "-aes256", "-passout", "pass:secret",
                    "-out", encrypted], check=True, capture_output=True)
    encrypted.chmod(0o600)
    said = refusal(make_proxy, listening({**files, "key": str(encrypted)}))
    assert str(encrypted) in said


@pytest.mark.parametrize("name, changes", [
    ("client_ca", {"client_auth": "require"}),
    ("client_crl", {"client_auth": "require"})])
def test_authorities_and_lists_that_are_none(make_proxy, files, pki, tmp_path, name, changes):
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    tls = {"client_ca": str(pki.client_root_file), name: str(broken), **changes}
    assert str(broken) in refusal(make_proxy, listening(files, **tls))


def test_an_ocsp_answer_for_another_certificate(make_proxy, files, pki):
    said = refusal(make_proxy, listening({**files, "ocsp": str(pki.ocsp(pki.other))}))
    assert "other.ocsp" in said


def test_an_upstreams_authorities_that_are_none(make_proxy, tmp_path):
    missing = tmp_path / "missing.pem"
    said = refusal(make_proxy, {"public": {"address": "127.0.0.1:0"}}, upstreams={"main": {
        "endpoints": ["https://127.0.0.1:9"], "tls": {"ca": str(missing)}}})
    assert str(missing) in said


def test_private_keys_are_locked_and_left_out_of_core_dumps(tls_proxy):
    status = Path(f"/proc/{tls_proxy.pid}/status").read_text()
    locked = int(next(line for line in status.splitlines()
                      if line.startswith("VmLck")).split()[1])
    assert locked > 0
    flags = [line.split()[1:] for line in
             Path(f"/proc/{tls_proxy.pid}/smaps").read_text().splitlines()
             if line.startswith("VmFlags")]
    assert any("lo" in one and "dd" in one for one in flags)


def test_private_keys_are_nowhere_else(make_proxy, pki, files):
    """Neither in the log and the messages, nor in memory that a core dump or swap would show."""
    proxy = make_proxy(listeners=listening(files))
    ask(proxy.address, context_of())
    number = pki.ec.key.private_numbers().private_value
    # As PEM, and as OpenSSL keeps numbers, the lowest byte first. What its decoder and its RSA
    # leave elsewhere is in the threat model.
    secrets = [Path(files["key"]).read_bytes().splitlines()[1], number.to_bytes(32, "little")]
    log = proxy.log.everything() + "".join(proxy.lines).encode()
    assert not any(secret in log for secret in secrets)
    found = [(flags, secrets.index(secret)) for flags, memory in mappings(proxy.pid)
             for secret in secrets if secret in memory]
    assert found, "the key is nowhere: this test looks in the wrong places"
    assert all({"lo", "dd"} <= set(flags) for flags, _ in found), found


def mappings(pid: int):
    """The flags and bytes of each of the process's writable mappings, of pages in use."""
    place, page = None, os.sysconf("SC_PAGE_SIZE")
    with open(f"/proc/{pid}/mem", "rb") as memory, open(f"/proc/{pid}/pagemap", "rb") as pages:
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split()
            if "-" in words[0] and len(words) > 4 and not words[0].endswith(":"):
                place, access = [int(number, 16) for number in words[0].split("-")], words[1]
            elif words[0] == "VmFlags:" and access.startswith("rw"):
                start, end = place
                pages.seek(start // page * 8)
                # The two highest bits: in memory, or swapped.
                used = [entry >> 62 != 0 for entry in
                        array.array("Q", pages.read((end - start) // page * 8))]
                for is_used, run_ in itertools.groupby(range(len(used)), used.__getitem__):
                    if is_used:
                        numbers = list(run_)
                        memory.seek(start + numbers[0] * page)
                        yield words[1:], memory.read(len(numbers) * page)


def test_many_handshakes_at_once(tls_proxy, pki):
    contexts = [context_of(certificate=pki.client), context_of(),
                context_of(maximum=ssl.TLSVersion.TLSv1_2)]

    def visit(number: int) -> list[int]:
        with TLSClient(tls_proxy.addresses["asking"], contexts[number % 3]) as client:
            return [client.ask(request(target="/cert/any")).status for _ in range(3)]

    with ThreadPoolExecutor(32) as pool:
        for number, statuses in enumerate(pool.map(visit, range(240))):
            assert statuses == ([200] * 3 if number % 3 == 0 else [403] * 3)
