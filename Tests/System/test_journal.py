"""What the log says to journald: the real one, started by hand."""

import base64
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from harness.client import Client, once, request
from harness.journal import Journal
from harness.proxy import audit
from harness.wire import WAIT

CHECKPOINT = "MESSAGE_ID=7078cd0c4d32458981e881110a50f2a2"
EVENT = "MESSAGE_ID=53329d000ae145c9b65188ae3bee6f74"
RECORD = "MESSAGE_ID=12af8546ac034b6ba5df50cf3bc59f2a"
LOSS = "MESSAGE_ID=93c93fe0e6784490bbc81a6cbc4a8425"


@pytest.fixture
def journal():
    made = Journal().start()
    yield made
    made.remove()


def journaled(make_proxy, journal, **more):
    return make_proxy(audit={"journald": {"socket": str(journal.socket), **more}})


def served(proxy, count=5):
    for _ in range(count):
        assert once(proxy.address, request(target="/health")).status == 200


def test_every_checkpoint_and_event_is_in_the_journal(make_proxy, journal):
    proxy = journaled(make_proxy, journal)
    served(proxy)
    assert proxy.stop() == 0
    messages = journal.wait_for(
        lambda found: any(one["SALLYPORT_EVENT"] == "stop" for one in found), EVENT)
    assert [one["SALLYPORT_EVENT"] for one in messages] == ["start", "stop"]
    leaves = [one for one in proxy.log.records() if one.kind == "lifecycle"]
    for message, leaf in zip(messages, leaves):
        assert message["SALLYPORT_RECORD"] == leaf.parts[0].decode()
        assert message["SALLYPORT_INDEX"] == str(leaf.index)
        assert message["PRIORITY"] == "5" and message["SYSLOG_IDENTIFIER"] == "sallyport"
    notes = "".join(path.read_text() for path in sorted((proxy.log.folder / "notes").iterdir()))
    sent = journal.wait_for(
        lambda found: found[-1]["SALLYPORT_NOTE"] == (
            proxy.log.folder / "tlog/checkpoint").read_text(), CHECKPOINT)
    assert "".join(one["SALLYPORT_NOTE"] for one in sent) == notes
    for one in sent:
        origin, size, root = one["SALLYPORT_NOTE"].splitlines()[:3]
        assert one["SALLYPORT_ORIGIN"] == origin and one["SALLYPORT_TREE_SIZE"] == size
        assert one["SALLYPORT_ROOT"] == root and len(base64.b64decode(root)) == 32
    assert journal.entries(LOSS) == []


def test_without_checkpoints_there_are_only_events(make_proxy, journal):
    proxy = journaled(make_proxy, journal, checkpoints=False)
    served(proxy)
    assert proxy.stop() == 0
    journal.wait_for(lambda found: len(found) == 2, EVENT)
    assert journal.entries(CHECKPOINT) == []


def test_a_crash_shows_as_a_warning(make_proxy, journal):
    proxy = journaled(make_proxy, journal)
    served(proxy)
    os.kill(proxy.pid, signal.SIGKILL)
    proxy.process.wait()
    proxy.start()
    assert proxy.stop() == 0
    found = journal.wait_for(
        lambda found: any(one["SALLYPORT_EVENT"] == "stop" for one in found), EVENT)
    by_word = {one["SALLYPORT_EVENT"]: one for one in found}
    assert by_word["recovered"]["PRIORITY"] == by_word["gap"]["PRIORITY"] == "4"
    assert json.loads(by_word["gap"]["SALLYPORT_RECORD"])["gap"]["reason"] == "lost_in_crash"


def said(proxy, text):
    """Waits until the process has said `text`."""
    deadline = time.monotonic() + WAIT
    while not any(text in line for line in proxy.lines):
        assert time.monotonic() < deadline, "".join(proxy.lines)
        time.sleep(0.02)


def test_a_journald_that_was_stopped_gets_what_waited(make_proxy, journal):
    proxy = journaled(make_proxy, journal)
    served(proxy)
    journal.stop()
    served(proxy)
    said(proxy, "nothing can be sent to journald")
    size = proxy.log.records()[-1].index
    journal.start()
    said(proxy, "messages are sent to journald again")
    journal.wait_for(lambda found: int(found[-1]["SALLYPORT_TREE_SIZE"]) > size, CHECKPOINT)
    assert proxy.stop() == 0
    count = sum(path.read_text().count("\n\n") for path in (proxy.log.folder / "notes").iterdir())
    journal.wait_for(lambda found: len(found) == count, CHECKPOINT)
    assert journal.entries(LOSS) == []


def test_a_journald_that_hangs_keeps_nobody_waiting(make_proxy, journal):
    """Its socket fills up; requests, checkpoints and the end of the process go on."""
    proxy = journaled(make_proxy, journal)
    journal.pause()
    room = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    sizes, deadline = set(), time.monotonic() + WAIT + room
    while len(sizes) < room + 5:
        served(proxy, 1)
        sizes.add((proxy.log.folder / "tlog/checkpoint").read_text().splitlines()[1])
        assert time.monotonic() < deadline, len(sizes)
    proxy.terminate()
    assert proxy.wait() == 0
    said(proxy, "were not sent to journald; the log has them")
    journal.resume()
    journal.wait_for(lambda found: len(found) >= room, "SYSLOG_IDENTIFIER=sallyport")
    audit("verify", proxy.log.directory)


def test_what_could_not_be_sent_is_told_at_the_end(make_proxy, journal):
    proxy = journaled(make_proxy, journal)
    served(proxy)
    journal.wait_for(lambda found: found, EVENT)
    journal.stop()
    served(proxy)
    said(proxy, "nothing can be sent to journald")
    proxy.terminate()
    assert proxy.wait() == 0
    # The stop is among them.
    said(proxy, "1 events and 0 records were not sent to journald")


def test_without_a_journald_the_proxy_serves(make_proxy, tmp_path):
    proxy = make_proxy(audit={"journald": {"socket": str(tmp_path / "none")}})
    served(proxy)
    said(proxy, "nothing can be sent to journald")


def exported(journal, path):
    path.write_text(journal.export("SYSLOG_IDENTIFIER=sallyport"))
    return path


def test_the_tool_compares_the_journal_with_the_log(make_proxy, journal, tmp_path):
    proxy = journaled(make_proxy, journal)
    served(proxy)
    journal.wait_for(lambda found: found, CHECKPOINT)
    # While it is written, too.
    live = audit("verify", proxy.log.directory, "--journal", exported(journal, tmp_path / "live"))
    assert "checkpoints in the journal fit" in live.stdout
    assert proxy.stop() == 0
    count = sum(path.read_text().count("\n\n") for path in (proxy.log.folder / "notes").iterdir())
    journal.wait_for(lambda found: len(found) == count, CHECKPOINT)
    export = exported(journal, tmp_path / "export")
    report = json.loads(audit(
        "verify", proxy.log.directory, "--json", "--journal", export).stdout)["logs"][0]
    assert report["journal"] == {
        "checkpoints": count, "size": report["checkpoint_size"], "unsigned": 0}
    empty = tmp_path / "empty"
    empty.write_text("")
    done = audit("verify", proxy.log.directory, "--journal", empty, check=2)
    assert "no signed checkpoint of this log" in done.stdout
    empty.write_text("no JSON\n")
    assert "line 1 is not a message" in audit(
        "verify", proxy.log.directory, "--journal", empty, check=2).stderr


def test_a_log_that_was_rolled_back_contradicts_the_journal(make_proxy, journal, tmp_path):
    proxy = journaled(make_proxy, journal)
    served(proxy)
    assert proxy.stop() == 0
    shutil.copytree(proxy.log.directory, tmp_path / "earlier")
    proxy.start()
    served(proxy, 20)
    assert proxy.stop() == 0
    size = int((proxy.log.folder / "tlog/checkpoint").read_text().splitlines()[1])
    journal.wait_for(lambda found: int(found[-1]["SALLYPORT_TREE_SIZE"]) == size, CHECKPOINT)
    export = exported(journal, tmp_path / "export")
    audit("verify", proxy.log.directory, "--journal", export)
    done = audit("verify", tmp_path / "earlier", "--journal", export, check=1)
    assert "records are missing" in done.stdout
    # What anybody may write there is named, and decides nothing.
    message = next(json.loads(line) for line in export.read_text().splitlines()
                   if "SALLYPORT_NOTE" in line)
    message["SALLYPORT_NOTE"] = message["SALLYPORT_NOTE"].replace("\n", "\n9", 1)
    forged = tmp_path / "forged"
    forged.write_text(export.read_text() + json.dumps(message) + "\n")
    done = audit("verify", proxy.log.directory, "--journal", forged)
    assert "1 messages in the journal are not signed" in done.stdout


def indices(records):
    return [int(record["SALLYPORT_INDEX"]) for record in records]


def test_denied_records_are_in_the_journal(make_proxy, journal, tokens):
    proxy = journaled(make_proxy, journal, records="denied")
    served(proxy)
    fields = {"Authorization": f"Bearer {tokens.make('alice')}", "User-Agent": "a=b\x80c"}
    refused = [
        once(proxy.address, request(target="/secure/x?secret=1")),
        once(proxy.address, request(target="/admin/x", fields=fields)),
        once(proxy.address, request(target="/nowhere")),
    ]
    assert [one.status for one in refused] == [401, 403, 404]
    for _ in range(21):
        last = once(proxy.address, request(target="/scarce/x"))
    assert last.status == 429
    records = [proxy.record(one) for one in [*refused, last]]
    assert proxy.stop() == 0
    found = journal.wait_for(lambda found: len(found) == 4, RECORD)
    # Two workers: the log's order is that of their rings.
    assert indices(found) == sorted(record["index"] for record in records)
    found = [next(one for one in found if one["SALLYPORT_INDEX"] == str(record["index"]))
             for record in records]
    for message, record, response in zip(found, records, [*refused, last]):
        assert message["SALLYPORT_RECEIPT"] == response.receipt
        assert message["SALLYPORT_REQUEST_ID"] == record["request_id"]
        assert message["SALLYPORT_OUTCOME"] == record["outcome"]
        assert message["SALLYPORT_REASON"] == record["reason"]
        assert message["SALLYPORT_STATUS"] == str(record["status"])
        assert message["SALLYPORT_PATH"] == record["detail"]["path"]
        assert message["SALLYPORT_CLIENT"] == "127.0.0.1"
        assert message["SALLYPORT_EVENT"] == "request" and message["PRIORITY"] == "5"
        assert message["MESSAGE"].startswith(
            f"{record['outcome']} {record['status']} {record['reason']}: GET ")
        assert "secret" not in json.dumps(message)
    assert found[1]["SALLYPORT_SUBJECT"] == "alice"
    assert found[1]["SALLYPORT_USER_AGENT"] == records[1]["detail"]["user_agent"] == "a=b%80c"
    assert found[1]["SALLYPORT_ROUTE"] == "admin" and found[3]["SALLYPORT_OUTCOME"] == "throttle"
    # Whoever searches for a field finds the one.
    assert journal.entries("SALLYPORT_SUBJECT=alice") == [found[1]]
    audit("verify", proxy.log.directory)


def test_all_records_are_in_the_journal_and_none_says_more_than_the_log(
        make_proxy, journal, tokens):
    proxy = make_proxy(audit={
        "journald": {"socket": str(journal.socket), "records": "all"},
        "privacy": {"subject": "pseudonym", "client_ip": "pseudonym"}})
    fields = {"Authorization": f"Bearer {tokens.make('alice')}"}
    for path in ("/secure/x", "/admin/x", "/health", "/open/a%0Ab%1b"):
        last = once(proxy.address, request(target=path, fields=fields))
    proxy.record(last)
    assert proxy.stop() == 0
    records = [one for one in proxy.log.records() if one.kind == "combined"]
    found = journal.wait_for(lambda found: len(found) == len(records) == 4, RECORD)
    assert indices(found) == [one.index for one in records]
    for message, record in zip(found, records):
        subject = json.loads(record.parts[1])
        assert message.get("SALLYPORT_SUBJECT") == subject.get("sub")
        assert message["SALLYPORT_CLIENT"] == subject["peer_ip"]
        assert message["SALLYPORT_ADDRESS_KEY"] == subject["address_key"]
        assert "alice" not in json.dumps(message) and "127.0.0.1" not in json.dumps(message)
    assert "\n" not in "".join(one["MESSAGE"] for one in found)
    assert journal.entries(LOSS) == []


def test_records_beyond_the_rate_are_counted_and_checkpoints_come_through(make_proxy, journal):
    """Without the proxy's own limit, journald would drop what it likes, checkpoints among it."""
    proxy = journaled(make_proxy, journal, records="all", record_rate=1)
    served(proxy, 100)
    event = proxy.log.events("journal_lost")[0]
    assert event["checkpoints"] == event["events"] == 0 < event["records"]
    assert proxy.stop() == 0
    size = (proxy.log.folder / "tlog/checkpoint").read_text().splitlines()[1]
    journal.wait_for(lambda found: found[-1]["SALLYPORT_TREE_SIZE"] == size, CHECKPOINT)
    # Half a minute's, and those of the seconds that the test took.
    found = journal.entries(RECORD)
    assert 30 <= len(found) < 60
    (loss,) = journal.wait_for(lambda found: found, LOSS)
    assert int(loss["SALLYPORT_LOST_RECORDS"]) == 100 - len(found)
    assert loss["SALLYPORT_LOST_CHECKPOINTS"] == "0"


def test_a_journald_that_hangs_costs_records_and_nothing_else(make_proxy, journal):
    proxy = journaled(make_proxy, journal, records="all", record_rate=0)
    journal.pause()
    room = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    # The socket, what the thread has taken, and the queue.
    count = room + 2 * 4096 + 500
    with Client(proxy.address) as client:
        for _ in range(count):
            client.send(request(target="/health"))
            assert client.response().status == 200
    event = proxy.log.events("journal_lost")[0]
    assert event["records"] > 0 and event["events"] == 0
    proxy.terminate()
    assert proxy.wait() == 0
    said(proxy, "records were not sent to journald; the log has them")
    journal.resume()
    journal.wait_for(lambda found: found, RECORD)
    audit("verify", proxy.log.directory)
