"""Checkpoints cosigned by others: `aics-witness` of PyPI, and servers that answer what no witness
should."""

import json
import shutil
import threading

import pytest

from harness.client import once, request
from harness.proxy import audit
from harness.waiting import until
from harness.witness import AnsweringServer, Witness, relay


@pytest.fixture
def make_witness(tmp_path):
    made = []

    def make(name):
        witness = Witness(tmp_path / f"witness{len(made)}", f"witness.test/{name}").start()
        made.append(witness)
        return witness

    yield make
    for witness in made:
        witness.stop()


@pytest.fixture
def answering():
    made = []

    def make(answer, certificate=None):
        server = AnsweringServer(answer, certificate)
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


def witnessed(make_proxy, *settings, **more):
    return make_proxy(audit={"witnesses": list(settings), "witness_interval": "100ms"}, **more)


def served(proxy, count=5):
    for _ in range(count):
        assert once(proxy.address, request(target="/health")).status == 200


def introduce(proxy, *witnesses):
    """Has the witnesses trust the proxy's log; its origin and its key."""
    log = json.loads(audit("verify", proxy.log.directory, "--json").stdout)["logs"][0]
    for witness in witnesses:
        witness.trust(log["origin"], log["vkey"])
    return log["origin"], log["vkey"]


def cosigned(proxy):
    """The kept notes, as text."""
    folder = proxy.log.folder / "tlog/witness"
    return [path.read_text() for path in sorted(folder.glob("*"))] if folder.exists() else []


def until_cosigned(proxy, witness, origin, size=0):
    def grown():
        served(proxy, 1)
        log = witness.log(origin)
        return log and log["size"] and log["size"] > size and log["size"]
    return until(grown, f"{witness.key}'s cosignature")


def test_two_witnesses_cosign_and_the_tool_says_so(make_proxy, make_witness):
    one, two = make_witness("one"), make_witness("two")
    proxy = witnessed(make_proxy, one.settings, two.settings)
    origin, key = introduce(proxy, one, two)
    # Both refused as long as they did not know the log.
    for witness in one, two:
        until_cosigned(proxy, witness, origin)
    events = proxy.log.events("witness_cosigns")
    assert {event["witness"] for event in events} <= {"witness.test/one", "witness.test/two"}
    served(proxy)
    assert proxy.stop() == 0
    size = int((proxy.log.folder / "tlog/checkpoint").read_text().splitlines()[1])
    # The last checkpoint, with the stop under it, is cosigned before the process ends.
    assert one.log(origin)["size"] == two.log(origin)["size"] == size
    notes = cosigned(proxy)
    assert len(notes) == 2 and notes[0] == notes[1]
    assert all(f"— witness.test/{name} " in notes[0] for name in ("one", "two"))
    directory = proxy.log.directory
    done = audit("verify", directory, "--vkey", key, "--witness", one.key, "--witness", two.key)
    assert f"2 of 2 witnesses cosigned the first {size} records" in done.stdout
    report = json.loads(audit("verify", directory, "--json", "--witness", one.key).stdout)
    assert report["logs"][0]["witnessed_size"] == size


def test_a_restarted_proxy_and_a_restarted_witness_go_on(make_proxy, make_witness):
    witness = make_witness("one")
    proxy = witnessed(make_proxy, witness.settings)
    origin, _ = introduce(proxy, witness)
    size = until_cosigned(proxy, witness, origin)
    witness.stop()
    served(proxy)
    proxy.log.events("witness_unreachable")
    witness.start()
    size = until_cosigned(proxy, witness, origin, size)
    assert proxy.stop() == 0
    # What was kept is gone: the witness says itself where it is.
    shutil.rmtree(proxy.log.folder / "tlog/witness")
    proxy.start()
    until_cosigned(proxy, witness, origin, size)
    assert proxy.stop() == 0
    assert witness.log(origin)["evidence"] == 0
    audit("verify", proxy.log.directory, "--witness", witness.key)


def test_a_log_that_was_rolled_back_is_told(make_proxy, make_witness, tmp_path):
    witness = make_witness("one")
    proxy = witnessed(make_proxy, witness.settings)
    origin, _ = introduce(proxy, witness)
    until_cosigned(proxy, witness, origin)
    assert proxy.stop() == 0
    shutil.copytree(proxy.log.directory, tmp_path / "earlier")
    proxy.start()
    served(proxy, 30)
    assert proxy.stop() == 0
    ahead = witness.log(origin)["size"]
    kept = cosigned(proxy)[0]
    shutil.rmtree(proxy.log.directory)
    shutil.copytree(tmp_path / "earlier", proxy.log.directory)
    # While it can be asked, another log begins (test_rollback.py); it comes back later.
    witness.stop()
    proxy.start()
    proxy.log.events("witness_unreachable")
    witness.start()
    served(proxy, 1)
    event = proxy.log.events("witness_ahead")[0]
    assert event["size"] == ahead > event["own_size"]
    assert proxy.stop() == 0
    # An auditor who has the witness's newest note finds it, too.
    path = tmp_path / "kept"
    path.write_text(kept)
    done = audit("verify", proxy.log.directory, "--against", path, check=1)
    assert "records are missing" in done.stdout or "history was rewritten" in done.stdout


def test_over_tls_the_server_is_verified(make_proxy, make_witness, answering, pki):
    witness = make_witness("one")
    good = answering(relay(witness), pki.ec)
    expired = answering(relay(witness), pki.expired_server)
    other = make_witness("other")
    settings = [
        {"key": witness.key, "url": good.url(), "ca": str(pki.root_file)},
        {"key": other.key, "url": expired.url(), "ca": str(pki.root_file)},
    ]
    proxy = witnessed(make_proxy, *settings)
    origin, _ = introduce(proxy, witness, other)
    until_cosigned(proxy, witness, origin)
    event = proxy.log.events("witness_unreachable")[0]
    assert event["witness"] == "witness.test/other" and "certificate" in event["why"]
    assert expired.requests == [] and good.requests


@pytest.mark.parametrize("name, answer, event", [
    ("redirect", (302, "text/plain", b"", ("Location", "/elsewhere")),
     {"event": "witness_refused", "status": 302}),
    ("not found", (404, "text/plain", b"no\n"), {"event": "witness_refused", "status": 404}),
    ("inconsistent", (422, "text/plain", b""), {"event": "witness_refused", "status": 422}),
    ("conflict without size", (409, "text/plain", b"5\n"),
     {"event": "witness_refused", "status": 409}),
    ("no line", (200, "text/plain", b"thanks\n"), {"event": "witness_unreachable"}),
    ("empty", (200, "text/plain", b""), {"event": "witness_unreachable"}),
    ("endless", (200, "text/plain", b"x" * 70000), {"event": "witness_unreachable"}),
    ("ahead", (409, "text/x.tlog.size", b"1000000\n"),
     {"event": "witness_ahead", "size": 1000000}),
])
def test_no_other_answer_counts(make_proxy, make_witness, answering, name, answer, event):
    witness = make_witness("one")
    server = answering(lambda *_: answer)
    proxy = witnessed(make_proxy, {"key": witness.key, "url": server.url()})
    served(proxy)
    found = proxy.log.events(event["event"])[0]
    assert {**found, **event} == found and found["witness"] == "witness.test/one", name
    assert proxy.stop() == 0
    assert cosigned(proxy) == []
    done = audit("verify", proxy.log.directory, "--witness", witness.key, check=1)
    assert "0 of 1 witnesses cosigned, 1 needed" in done.stdout
    path, body = server.requests[0]
    assert path == "/add-checkpoint" and body.startswith(b"old 0\n\nlog.test/one/")
    assert all(path == "/add-checkpoint" for path, _ in server.requests)


def test_a_cosignature_of_another_checkpoint_is_none(make_proxy, make_witness, answering):
    witness = make_witness("one")
    first = []

    def answer(path, body):
        if not first:
            first.append(relay(witness)(path, body))
        return first[0]

    server = answering(lambda *_: (404, "text/plain", b""))
    proxy = witnessed(make_proxy, {"key": witness.key, "url": server.url()})
    origin, _ = introduce(proxy, witness)
    server.answer = answer
    served(proxy)
    until(lambda: cosigned(proxy), "a cosignature")
    kept = cosigned(proxy)
    served(proxy)
    proxy.log.events("witness_unreachable")
    assert cosigned(proxy) == kept
    assert witness.log(origin)["evidence"] == 0


def test_a_kept_cosignature_that_was_changed_is_found(make_proxy, make_witness):
    witness = make_witness("one")
    proxy = witnessed(make_proxy, witness.settings)
    origin, _ = introduce(proxy, witness)
    until_cosigned(proxy, witness, origin)
    assert proxy.stop() == 0
    path = next((proxy.log.folder / "tlog/witness").iterdir())
    text = path.read_text().splitlines()
    line = text[-1]
    text[-1] = line[:-10] + ("A" if line[-10] != "A" else "B") + line[-9:]
    path.write_text("\n".join(text) + "\n")
    done = audit("verify", proxy.log.directory, "--witness", witness.key, check=1)
    assert "its cosignature does not hold" in done.stdout


def test_a_witness_that_hangs_keeps_nobody_waiting(make_proxy, make_witness, answering):
    release = threading.Event()

    def hang(*_):
        release.wait(60)
        return 404, "text/plain", b""

    witness = make_witness("one")
    server = answering(hang)
    proxy = witnessed(make_proxy, {"key": witness.key, "url": server.url()})
    served(proxy)
    until(lambda: server.requests, "a request")
    served(proxy)
    proxy.terminate()
    assert proxy.wait() == 0
    release.set()
    audit("verify", proxy.log.directory)
