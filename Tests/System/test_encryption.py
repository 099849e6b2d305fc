"""Records that the proxy's host can't read: encrypted to age recipients, opened by age itself."""

import json
import shutil
import subprocess

import pytest

from harness.client import once, request
from harness.proxy import AUDIT, audit

pytestmark = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")


@pytest.fixture
def identity(tmp_path):
    """An identity file and its recipient."""
    def make(name="auditor.txt"):
        path = tmp_path / name
        subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
        done = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True)
        return path, done.stdout.strip()
    return make


def logged(make_proxy, *recipients, requests=20):
    proxy = make_proxy(audit={"recipients": list(recipients)})
    responses = [once(proxy.address, request(target="/health")) for _ in range(requests)]
    assert all(response.status == 200 for response in responses)
    return proxy, responses


def test_age_opens_an_extracted_batch(make_proxy, identity, tmp_path):
    (first, one), (second, two) = identity("one.txt"), identity("two.txt")
    proxy, responses = logged(make_proxy, one, two)
    assert proxy.stop() == 0
    directory = proxy.log.directory
    shown = audit("show", directory, "--json", "--identity", first).stdout.splitlines()
    records = [json.loads(line) for line in shown]
    assert sum(record["kind"] == "request" for record in records) == len(responses)
    index = next(n for n, record in enumerate(records) if record["kind"] == "request")
    audit("decrypt", directory, str(index), "--extract", tmp_path / "batch.age")
    for key in first, second:
        opened = subprocess.run(["age", "-d", "-i", key, tmp_path / "batch.age"], check=True,
                                capture_output=True).stdout
        raw = subprocess.run([AUDIT, "decrypt", directory, str(index), "--raw", "-i", key],
                             check=True, capture_output=True).stdout
        assert opened == raw
        plain = subprocess.run(["zstd", "-d"], input=opened, check=True, capture_output=True)
        assert b'"path":"/health"' in plain.stdout
    lines = audit("decrypt", directory, str(index), "-i", second).stdout.splitlines()
    assert any("/health" in line for line in lines)


def test_what_needs_an_identity_says_so(make_proxy, identity, tmp_path):
    (key, recipient), (stranger, _) = identity(), identity("stranger.txt")
    proxy, responses = logged(make_proxy, recipient)
    live = audit("verify", proxy.log.directory)
    assert "not opened" in live.stdout
    assert proxy.stop() == 0
    directory = proxy.log.directory
    for path in (proxy.log.folder / "segments").iterdir():
        assert b"/health" not in path.read_bytes()
    closed = json.loads(audit("verify", directory, "--json").stdout)["logs"][0]
    assert closed["verdict"] == "holds" and closed["unopened_batches"] > 0
    opened = json.loads(audit("verify", directory, "--json", "-i", key).stdout)["logs"][0]
    assert opened["verdict"] == "holds" and opened["unopened_batches"] == 0
    assert opened["root"] == closed["root"] and opened["findings"] == []
    for command in ["show", directory], ["tail", directory], ["search", directory, "--route", "x"]:
        done = audit(*command, check=2)
        assert "encrypted: name an age identity with --identity" in done.stderr, command
        assert "none of the identities" in audit(*command, "-i", stranger, check=2).stderr
    receipt = responses[0].receipt
    assert "--identity" in audit("prove", directory, receipt, check=2).stderr
    # By its index a record is proven without being read; by its receipt it has to be found.
    assert audit("prove", directory, "1").stdout.startswith("c2sp.org/tlog-proof@v1\n")
    record = tmp_path / "record.json"
    assert audit("prove", directory, "1", "--with-record", record, check=2).returncode == 2
    proof = audit("prove", directory, receipt, "-i", key, "--with-record", record)
    assert proof.stdout.startswith("c2sp.org/tlog-proof@v1\n") and record.exists()
    found = audit("search", directory, "--route", "health", "-i", key, check=None)
    assert found.returncode in (0, 1)


def test_a_killed_proxy_goes_on_without_the_key(make_proxy, identity):
    key, recipient = identity()
    proxy, _ = logged(make_proxy, recipient)
    proxy.kill()
    proxy.wait()
    proxy.start()
    once(proxy.address, request(target="/health"))
    assert proxy.stop() == 0
    for identities in [], ["-i", key]:
        done = audit("verify", proxy.log.directory, *identities)
        assert "lost" in done.stdout
    lines = audit("show", proxy.log.directory, "--json", "-i", key).stdout.splitlines()
    gaps = [json.loads(line) for line in lines if json.loads(line)["kind"] == "gap"]
    assert gaps


def test_a_secret_in_the_settings_is_refused_and_not_repeated(make_proxy, identity, tokens, tmp_path):
    from harness.proxy import BINARY, settings
    key, _ = identity()
    secret = key.read_text().splitlines()[-1]
    config = settings(tmp_path / "p", 1, tokens, audit={"recipients": [secret]})
    file = tmp_path / "settings.yaml"
    file.write_text(json.dumps(config))
    done = subprocess.run([BINARY, "check", file], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "is a secret key" in done.stdout + done.stderr
    assert secret not in done.stdout + done.stderr
