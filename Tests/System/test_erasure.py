"""Who asked, covered: pseudonyms, sealed subjects, and erasure with proofs intact."""

import json
import shutil
import subprocess

import pytest

from harness.client import once, request
from harness.proxy import BINARY, audit, run


def ask(proxy, tokens, subject, count=3):
    """Requests of one subject, each with a mark of its own in the record."""
    for _ in range(count):
        response = once(proxy.address, request(target="/secure/x", fields={
            "Authorization": "Bearer " + tokens.make(subject)}))
        assert response.status == 200
        proxy.log.wait_for(response.receipt)


def shown(directory, *arguments):
    return [json.loads(line) for line in
            audit("show", directory, "--json", *arguments).stdout.splitlines()]


def of_requests(records):
    return [record for record in records if record["kind"] == "request"]


def keyring(proxy):
    return proxy.log.folder / "keyring"


def without_keys(proxy) -> bytes:
    """All that the log says, and all that the keyring's files hold."""
    return proxy.log.everything()


def erase(proxy, subject, reason="ticket 7", check=0):
    return run(BINARY, "erase", "--config", proxy.file, "--subject", subject, "--reason", reason,
               check=check)


def test_pseudonyms_are_found_by_whom_they_are_of(make_proxy, tokens):
    proxy = make_proxy(audit={"privacy": {"subject": "pseudonym", "client_ip": "pseudonym"}})
    ask(proxy, tokens, "alice@example.test")
    ask(proxy, tokens, "bob@example.test", 1)
    assert proxy.stop() == 0
    directory = proxy.log.directory
    everything = without_keys(proxy)
    for planted in b"alice", b"bob", b'"127.0.0.1"':
        assert planted not in everything
    subjects = [record["subject"] for record in of_requests(shown(directory))]
    assert len({subject["sub"] for subject in subjects}) == 2
    assert len({subject["peer_ip"] for subject in subjects}) == 1
    search = ["search", directory, "--json", "--subject", "alice@example.test"]
    assert audit(*search, check=1).stdout == ""
    found = audit(*search, "--keyring", keyring(proxy)).stdout.splitlines()
    assert len(found) == 3
    nobody = audit("search", directory, "--subject", "carol", "--keyring", keyring(proxy), check=1)
    assert nobody.stdout == ""
    # An address is found by its pseudonym, too, with an index or without; a block is not.
    search = ["search", directory, "--json", "--client", "127.0.0.1"]
    assert audit(*search, check=1).stdout == ""
    with_keys = [*search, "--keyring", keyring(proxy)]
    index = ["--index", proxy.directory / "index"]
    for arguments in with_keys, [*with_keys, *index], [*with_keys, *index]:
        assert len(audit(*arguments).stdout.splitlines()) == 4
    both = audit(*with_keys, "--subject", "bob@example.test").stdout.splitlines()
    assert len(both) == 1
    assert audit("search", directory, "--client", "127.0.0.2", "--keyring", keyring(proxy),
                 check=1).stdout == ""
    assert json.loads(audit("verify", directory, "--json").stdout)["logs"][0]["verdict"] == "holds"


def test_a_sealed_subject_opens_with_the_keyring_alone(make_proxy, tokens, tmp_path):
    proxy = make_proxy(audit={"privacy": {"subject": "sealed"}})
    ask(proxy, tokens, "alice@example.test")
    once(proxy.address, request(target="/health"))
    assert proxy.stop() == 0
    directory = proxy.log.directory
    assert b"alice" not in without_keys(proxy)
    closed = of_requests(shown(directory))
    assert [set(record["subject"]) for record in closed[:3]] == [{"sealed", "subject_key"}] * 3
    assert "peer_ip" in closed[3]["subject"], "who has no name is not sealed"
    opened = of_requests(shown(directory, "--keyring", keyring(proxy)))
    assert [record["subject"].get("sub") for record in opened] == ["alice@example.test"] * 3 + [None]
    assert [record["leaf"] for record in opened] == [record["leaf"] for record in closed]
    found = audit("search", directory, "--json", "--subject", "alice@example.test",
                  "--keyring", keyring(proxy)).stdout.splitlines()
    assert len(found) == 3
    # What is sealed beside the name is found in what is opened.
    search = ["search", directory, "--json", "--client", "127.0.0.0/8"]
    assert len(audit(*search).stdout.splitlines()) == 1
    assert len(audit(*search, "--keyring", keyring(proxy)).stdout.splitlines()) == 4
    alice = [*search, "--keyring", keyring(proxy), "--subject", "alice@example.test"]
    assert len(audit(*alice).stdout.splitlines()) == 3
    assert audit("search", directory, "--client", "127.0.0.2", "--keyring", keyring(proxy),
                 check=1).stdout == ""
    # Another keyring opens nothing.
    other = make_proxy(audit={"privacy": {"subject": "sealed"}})
    assert other.stop() == 0
    stranger = of_requests(shown(directory, "--keyring", keyring(other)))
    assert [record["subject"] for record in stranger] == [record["subject"] for record in closed]


@pytest.mark.parametrize("running", [True, False])
def test_nothing_of_an_erased_subject_can_be_read(make_proxy, tokens, tmp_path, running):
    identity = tmp_path / "auditor.txt"
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", identity], check=True, capture_output=True,
                               text=True).stdout.strip()
    socket = tmp_path / "admin.sock"
    proxy = make_proxy(admin={"socket": str(socket)}, audit={
        "recipients": [recipient], "privacy": {"subject": "sealed"}})

    def requests(subject, count=3):
        for _ in range(count):
            assert once(proxy.address, request(target="/secure/x", fields={
                "Authorization": "Bearer " + tokens.make(subject)})).status == 200

    requests("alice@example.test")
    requests("bob@example.test")
    if not running:
        assert proxy.stop() == 0
    done = erase(proxy, "alice@example.test")
    assert done.stdout.startswith("erased 1 keys: ")
    key = done.stdout.split()[-1]
    if running:
        requests("bob@example.test", 1)
        assert proxy.stop() == 0
    directory = proxy.log.directory
    opened = shown(directory, "-i", identity, "--keyring", keyring(proxy))
    text = json.dumps(opened)
    assert "alice" not in text and text.count("bob@example.test") == 4 - (not running)
    for path in proxy.log.directory.rglob("*"):
        if path.is_file():
            assert b"alice" not in path.read_bytes(), path
    sealed = [record for record in of_requests(opened) if "sealed" in record["subject"]]
    assert [record["subject"]["subject_key"] for record in sealed] == [key] * 3
    leaf, = [record for record in opened if record["kind"] == "erasure"]
    assert leaf["core"]["keys"] == [key] and leaf["core"]["reason"] == "ticket 7"
    assert leaf["core"]["by"]["uid"] == 0
    verdict = json.loads(audit("verify", directory, "--json", "-i", identity).stdout)["logs"][0]
    assert verdict["verdict"] == "holds" and verdict["findings"] == []
    assert "had no keys" in erase(proxy, "alice@example.test").stdout


def test_a_hold_keeps_what_there_is(make_proxy, tokens):
    proxy = make_proxy(audit={"privacy": {"subject": "sealed"}})
    ask(proxy, tokens, "alice")
    assert proxy.stop() == 0
    before = {path.name: path.read_bytes() for path in keyring(proxy).iterdir()}
    (proxy.log.folder / "hold.json").write_text("{}")
    assert "legal hold" in erase(proxy, "alice", check=1).stderr
    assert {path.name: path.read_bytes() for path in keyring(proxy).iterdir()} == before


def test_a_reason_may_not_name_the_subject(make_proxy):
    proxy = make_proxy(start=False, audit={"privacy": {"subject": "sealed"}})
    done = erase(proxy, "alice", reason="alice asked", check=None)
    assert done.returncode != 0 and "names the subject" in done.stderr


def test_a_start_without_the_keyring_is_refused(make_proxy, tokens):
    proxy = make_proxy(audit={"privacy": {"subject": "sealed"}})
    ask(proxy, tokens, "alice", 1)
    assert proxy.stop() == 0
    (keyring(proxy) / "wrapping.key").unlink()
    with pytest.raises(RuntimeError, match="the keyring is not what it was: wrapping.key"):
        proxy.start()
    shutil.rmtree(keyring(proxy))
