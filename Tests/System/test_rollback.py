"""A restored copy of the log is not regrown: another log begins, and says which one it replaces."""

import json
import shutil
import socket
import threading
import time

import pytest
import yaml

from harness.client import once, request
from harness.journal import Journal
from harness.logfile import Log, frames, records_of
from harness.proxy import audit
from harness.waiting import until
from harness.witness import AnsweringServer, Witness

from test_signer import Signer


def ask(proxy, count=5):
    for _ in range(count):
        assert once(proxy.address, request(target="/health")).status == 200


def logs(proxy) -> list:
    return sorted(path for path in proxy.log.directory.iterdir() if (path / "segments").is_dir())


def heads(folder):
    for path in sorted((folder / "segments").glob("*.alog")):
        yield json.loads(next(frames(path.read_bytes())).clear)


def first_events(folder) -> list[dict]:
    data = min((folder / "segments").glob("*.alog")).read_bytes()
    batch = next(frame for frame in frames(data) if frame.type == 2)
    return [record.core for record in records_of(batch) if record.kind == "lifecycle"]


@pytest.mark.parametrize("source", ["signer", "checkpoint"])
def test_a_restored_copy_begins_another_log(make_proxy, tmp_path, source):
    if source == "signer":
        signer = Signer(tmp_path / "signer").start()
        proxy = make_proxy(start=False, audit={"signer": {"socket": str(signer.socket)}})
        del proxy.config["audit"]["signing_key"]
        signer.configure(proxy)
    else:
        signer, proxy = None, make_proxy(start=False)
    try:
        proxy.start()
        ask(proxy)
        assert proxy.stop() == 0
        (old,) = logs(proxy)
        # What is copied: everything, or for the log's own word its segments only.
        part = old if source == "signer" else old / "segments"
        copy = tmp_path / "copy"
        shutil.copytree(part, copy)
        proxy.start()
        ask(proxy)
        assert proxy.stop() == 0
        shutil.rmtree(part)
        shutil.copytree(copy, part)

        proxy.start()
        ask(proxy)
        assert proxy.stop() == 0
        (new,) = [folder for folder in logs(proxy) if folder != old]
        event = first_events(new)[0]
        assert event["event"] == "rolled_back" and event["source"] == source
        assert event["origin"] == f"log.test/one/{old.name}" and event["seen"] > event["had"]
        assert any("was rolled back" in line for line in proxy.lines)
        # A later boot goes on with the new log, and nothing was added to the old one.
        proxy.start()
        ask(proxy)
        assert proxy.stop() == 0
        assert len(logs(proxy)) == 2
        assert {head["replaces"] for head in heads(new)} == {old.name}
        said = json.loads(
            audit("verify", proxy.log.directory, "--json", check=None).stdout)["logs"]
        verdicts = {one["origin"].split("/")[-1]: one for one in said}
        assert verdicts[new.name]["verdict"] == "holds"
        if source == "signer":
            assert verdicts[old.name]["verdict"] == "holds"
            assert verdicts[old.name]["size"] == event["had"]
        report = audit("report", proxy.log.directory, check=None).stdout
        assert "rolled\\_back" in report and old.name in report
    finally:
        if signer:
            signer.stop()


def test_the_signer_refuses_a_tree_that_was_cut_at_runtime(make_proxy, tmp_path):
    """Whatever asks: no smaller tree, and no second root."""
    signer = Signer(tmp_path / "signer").start()
    try:
        origin = "log.test/one/0123456789abcdef"
        root = "A" * 43 + "="
        other = "B" * 42 + "A="
        assert signer.ask(f"checkpoint\n{origin}\n7\n{root}\n").startswith("ok\n")
        assert signer.ask(f"checkpoint\n{origin}\n6\n{root}\n") == "refused\nfork\n"
        assert signer.ask(f"checkpoint\n{origin}\n7\n{other}\n") == "refused\nfork\n"
        signer.kill()
        signer.start()
        assert signer.ask(f"checkpoint\n{origin}\n6\n{root}\n") == "refused\nfork\n"
        assert signer.ask(f"checkpoint\n{origin}\n7\n{root}\n").startswith("ok\n")
        assert signer.ask(f"seen\nlog.test/one\n") == f"ok\n{origin} 7 {root}\n"
    finally:
        signer.stop()


# What journald and witnesses have seen.

CHECKPOINT = "MESSAGE_ID=7078cd0c4d32458981e881110a50f2a2"


@pytest.fixture
def journal():
    made = Journal().start()
    yield made
    made.remove()


@pytest.fixture
def witness(tmp_path):
    made = Witness(tmp_path / "witness", "witness.test/one").start()
    yield made
    made.stop()


def journaled(make_proxy, journal, **audit_settings):
    return make_proxy(audit={
        "journald": {"socket": str(journal.socket), "directory": str(journal.directory)},
        **audit_settings})


def size_of(folder) -> int:
    return int((folder / "tlog/checkpoint").read_text().splitlines()[1])


def stopped(proxy, journal=None) -> int:
    """Stops the proxy; the size of its log, which the journal has by then."""
    assert proxy.stop() == 0
    size = size_of(logs(proxy)[-1])
    if journal:
        journal.wait_for(lambda found: any(
            one["SALLYPORT_TREE_SIZE"] == str(size) for one in found), CHECKPOINT)
    return size


def restored(proxy, copy):
    shutil.rmtree(proxy.log.directory)
    shutil.copytree(copy, proxy.log.directory)


def replaced(proxy, old, source, seen):
    """Asserts that another log stands for the one in `old`, and answers its folder."""
    (new,) = [folder for folder in logs(proxy) if folder != old]
    event = first_events(new)[0]
    assert event["event"] == "rolled_back" and event["source"] == source, event
    assert event["origin"] == f"log.test/one/{old.name}"
    assert event["seen"] == seen > event["had"]
    assert {head["replaces"] for head in heads(new)} == {old.name}
    assert any(f"{source} has seen it with {seen}" in line for line in proxy.lines)
    return new


def test_the_journal_shows_that_a_snapshot_was_restored(make_proxy, journal, tmp_path):
    proxy = journaled(make_proxy, journal)
    ask(proxy)
    stopped(proxy, journal)
    (old,) = logs(proxy)
    shutil.copytree(proxy.log.directory, tmp_path / "copy")
    before = {path: path.read_bytes() for path in (tmp_path / "copy").rglob("*")
              if path.is_file()}
    # A restart and more records: no alarm.
    proxy.start()
    ask(proxy, 20)
    seen = stopped(proxy, journal)
    assert logs(proxy) == [old] and not any("rolled" in line for line in proxy.lines)

    restored(proxy, tmp_path / "copy")
    proxy.start()
    ask(proxy)
    stopped(proxy, journal)
    new = replaced(proxy, old, "journald", seen)
    # Nothing was added to the old one.
    for path, content in before.items():
        assert (proxy.log.directory / path.relative_to(tmp_path / "copy")).read_bytes() == content
    # From then on the new log is the one.
    proxy.start()
    ask(proxy)
    stopped(proxy, journal)
    assert sorted(logs(proxy)) == sorted([old, new])
    assert not any("rolled" in line for line in proxy.lines)
    for folder in (old, new):
        audit("verify", folder)


def test_the_journal_shows_that_a_log_is_gone(make_proxy, journal):
    proxy = journaled(make_proxy, journal)
    ask(proxy)
    seen = stopped(proxy, journal)
    (old,) = logs(proxy)
    shutil.rmtree(old)
    proxy.start()
    stopped(proxy, journal)
    replaced(proxy, old, "journald", seen)


def test_no_alarm_after_a_kill_nor_without_a_journal(make_proxy, journal):
    proxy = journaled(make_proxy, journal, checkpoint="100ms")
    assert not any("was not asked" in line for line in proxy.lines)
    for _ in range(3):
        ask(proxy, 20)
        proxy.kill()
        proxy.start()
    stopped(proxy, journal)
    assert len(logs(proxy)) == 1
    # The journal is erased; then there is none.
    shutil.rmtree(journal.directory)
    journal.directory.mkdir()
    proxy.start()
    assert any("no checkpoint that this user sent" in line for line in proxy.lines)
    assert proxy.stop() == 0
    journal.directory.rmdir()
    proxy.start()
    assert any("sd_journal_open" in line for line in proxy.lines)
    assert proxy.stop() == 0
    assert len(logs(proxy)) == 1 and not any("rolled" in line for line in proxy.lines)
    audit("verify", proxy.log.directory)


def test_no_alarm_after_pruning(make_proxy, journal, witness):
    proxy = journaled(make_proxy, journal, retain={"age": "1s"}, rotate={"age": "1s"},
                      witnesses=[witness.settings], witness_interval="100ms")
    log = json.loads(audit("verify", proxy.log.directory, "--json").stdout)["logs"][0]
    witness.trust(log["origin"], log["vkey"])
    until(lambda: (ask(proxy, 1), list((proxy.log.folder / "segments").glob("*.alog")))[1][0].name
          != f"{0:020}.alog", "a segment that was deleted")
    until(lambda: (ask(proxy, 1), (witness.log(log["origin"]) or {}).get("size"))[1],
          "a cosignature")
    for _ in range(2):
        stopped(proxy, journal)
        proxy.start()
        ask(proxy)
    stopped(proxy)
    assert len(logs(proxy)) == 1 and not any("rolled" in line for line in proxy.lines)


def test_what_another_wrote_into_the_journal_moves_nothing(make_proxy, journal, tmp_path):
    proxy = journaled(make_proxy, journal)
    ask(proxy)
    stopped(proxy, journal)
    (old,) = logs(proxy)
    # Anybody may send messages; the note's signature is not the log's.
    note = (old / "tlog/checkpoint").read_text()
    lines = note.splitlines(keepends=True)
    forged = "".join([lines[0], "1000000\n", *lines[2:]]).encode()
    message = (b"MESSAGE=x\nMESSAGE_ID=7078cd0c4d32458981e881110a50f2a2\nSALLYPORT_NOTE\n"
               + len(forged).to_bytes(8, "little") + forged + b"\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(message, str(journal.socket))
    journal.wait_for(lambda found: found[-1]["SALLYPORT_NOTE"] == forged.decode(), CHECKPOINT)
    proxy.start()
    assert proxy.stop() == 0
    assert logs(proxy) == [old] and not any("rolled" in line for line in proxy.lines)


def cosigned_snapshot(make_proxy, witness, copy):
    """A stopped proxy whose witness has cosigned its log, which `copy` has; its name and folder."""
    proxy = make_proxy(audit={"witnesses": [witness.settings], "witness_interval": "100ms"})
    log = json.loads(audit("verify", proxy.log.directory, "--json").stdout)["logs"][0]
    witness.trust(log["origin"], log["vkey"])
    until(lambda: (ask(proxy, 1), (witness.log(log["origin"]) or {}).get("size"))[1],
          "a cosignature")
    stopped(proxy)
    (old,) = logs(proxy)
    shutil.copytree(proxy.log.directory, copy)
    return proxy, log["origin"], old


def test_a_witness_shows_that_a_snapshot_was_restored(make_proxy, witness, tmp_path):
    proxy, origin, old = cosigned_snapshot(make_proxy, witness, tmp_path / "copy")
    # Restarts, one of them after a kill: no alarm.
    proxy.start()
    ask(proxy, 20)
    proxy.kill()
    proxy.start()
    ask(proxy)
    seen = stopped(proxy)
    assert logs(proxy) == [old] and witness.log(origin)["size"] == seen

    restored(proxy, tmp_path / "copy")
    # A witness that is away keeps nobody waiting, and nobody from starting.
    witness.stop()
    proxy.start()
    assert proxy.log.events("witness_unreachable")
    proxy.kill()
    assert len(logs(proxy)) == 1
    restored(proxy, tmp_path / "copy")
    witness.start()
    proxy.start()
    assert proxy.stop() == 0
    replaced(proxy, old, "witness.test/one", seen)
    # The witness does not know the new log; it has to be introduced.
    proxy.start()
    assert proxy.stop() == 0
    assert len(logs(proxy)) == 2


def test_the_kept_cosignature_counts_when_only_the_segments_are_restored(
        make_proxy, witness, tmp_path):
    proxy, _, old = cosigned_snapshot(make_proxy, witness, tmp_path / "copy")
    proxy.start()
    ask(proxy, 20)
    seen = stopped(proxy)
    kept = next((old / "tlog/witness").iterdir())
    shutil.copy(kept, tmp_path / "kept")
    witness.stop()
    restored(proxy, tmp_path / "copy")
    shutil.copy(tmp_path / "kept", kept)
    proxy.start()
    assert proxy.stop() == 0
    replaced(proxy, old, "witness.test/one", seen)


def test_a_witness_that_hangs_holds_the_start_up_for_two_seconds(make_proxy, witness):
    release = threading.Event()
    server = AnsweringServer(lambda *_: (release.wait(60), (404, "text/plain", b""))[1])
    try:
        proxy = make_proxy(audit={"witnesses": [{"key": witness.key, "url": server.url()}]})
        assert proxy.stop() == 0
        began = time.monotonic()
        proxy.start()
        assert 2 <= time.monotonic() - began < 8
        proxy.kill()
    finally:
        release.set()
        server.close()


def test_a_witness_that_lies_costs_a_log_at_each_start_and_no_record(make_proxy, witness):
    server = AnsweringServer(lambda *_: (409, "text/x.tlog.size", b"1000000\n"))
    try:
        proxy = make_proxy(audit={"witnesses": [{"key": witness.key, "url": server.url()}]})
        for count in range(1, 4):
            ask(proxy)
            assert proxy.stop() == 0
            assert len(logs(proxy)) == count
            proxy.start()
        # Taken out of the settings, it is over.
        assert proxy.stop() == 0
        del proxy.config["audit"]["witnesses"]
        proxy.file.write_text(yaml.safe_dump(proxy.config, sort_keys=False))
        proxy.start()
        ask(proxy)
        assert proxy.stop() == 0
        assert len(logs(proxy)) == 4
        for folder in logs(proxy):
            audit("verify", folder)
    finally:
        server.close()


def test_pruning_leaves_word_of_the_log_that_was_replaced(make_proxy, tmp_path):
    """Heads are signed by nobody, so that each has to say it."""
    proxy = make_proxy()
    ask(proxy)
    assert proxy.stop() == 0
    (old,) = logs(proxy)
    shutil.copytree(old / "segments", tmp_path / "copy")
    proxy.start()
    assert proxy.stop() == 0
    shutil.rmtree(old / "segments")
    shutil.copytree(tmp_path / "copy", old / "segments")
    proxy.config["audit"] |= {"retain": {"age": "1s"}, "rotate": {"age": "1s"}}
    proxy.file.write_text(yaml.safe_dump(proxy.config, sort_keys=False))
    proxy.start()
    (new,) = [folder for folder in logs(proxy) if folder != old]
    first = min((new / "segments").glob("*.alog"))
    until(lambda: (ask(proxy, 1), not first.exists())[1], "the first segment is deleted")
    assert proxy.stop() == 0
    assert {head["replaces"] for head in heads(new)} == {old.name}
    proxy.start()
    assert proxy.stop() == 0
    assert len(logs(proxy)) == 2 and {head["replaces"] for head in heads(new)} == {old.name}
