"""What an auditor asks for: receipts, bundles for third parties, reports, tables."""

import csv
import io
import json
import os
import re
import shutil
import subprocess

import pytest

from harness.client import Client, request
from harness.proxy import Proxy, audit, settings

# All that a third party needs beside the bundle.
TOOLS = ["bash", "jq", "sha256sum", "openssl", "base64", "cat", "cut", "mktemp", "od", "rm", "sed",
         "tr"]
HOSTILE = "/open/<script>alert(1)</script>|*x*"


@pytest.fixture(scope="module")
def served(tmp_path_factory, shared_upstream, tokens):
    """A log of a proxy that answered, refused, throttled, and stopped in order."""
    place = tmp_path_factory.mktemp("auditor") / "one"
    shared_upstream.handlers.clear()
    proxy = Proxy(place, settings(place, shared_upstream.port, tokens)).start()
    receipts = []
    hostile = tokens.make('<img src=x>|"evil"', ["reader"])
    with Client(proxy.address) as client:
        for number in range(30):
            receipts.append(client.ask(request(target=f"/health?{number}")).receipt)
        receipts.append(client.ask(request(
            target="/secure/x", token=tokens.make("alice"))).receipt)
        receipts.append(client.ask(request(target="/secure/x", token=hostile)).receipt)
        receipts.append(client.ask(request(
            target="/admin/x", token=tokens.make("bob"))).receipt)
        for _ in range(4):
            receipts.append(client.ask(request(target="/by-address/x")).receipt)
    assert proxy.stop() == 0, proxy.lines
    return proxy, receipts


def test_every_receipt_is_kept(served, tmp_path):
    proxy, receipts = served
    kept = tmp_path / "receipts"
    kept.write_text("# from the client's own log\n" + "".join(
        f"audit-receipt: {receipt}\n" for receipt in receipts))
    done = audit("verify", proxy.log.directory, "--receipts", kept, "--json")
    said = json.loads(done.stdout)
    assert said["verdict"] == "holds"
    assert [answer["state"] for answer in said["receipts"]] == ["recorded"] * len(receipts)
    by_place = {(core["worker"], core["seq"]): record.index for record in proxy.log.requests()
                for core in [record.core]}
    for answer in said["receipts"]:
        _, _, worker, sequence = answer["receipt"].split(".")
        assert answer["index"] == by_place[int(worker), int(sequence)]


def test_a_promise_that_was_not_kept(served):
    proxy, receipts = served
    log, boot, worker, _ = receipts[0].split(".")
    forged = f"{log}.{boot}.{worker}.999999"
    done = audit("verify", proxy.log.directory, "--receipt", forged, check=None)
    assert done.returncode == 1
    assert f"{forged}: missing" in done.stdout
    elsewhere = f"{'0' * 16}.{boot}.{worker}.1"
    done = audit("verify", proxy.log.directory, "--receipt", elsewhere, check=None)
    assert done.returncode == 1 and "is not here" in done.stdout
    done = audit("verify", proxy.log.directory, "--receipt", "nonsense", check=None)
    assert done.returncode == 2


def test_a_record_cut_off_is_missed_by_its_receipt(served, tmp_path):
    """The log of a proxy that never wrote the last records: they were promised."""
    from harness.logfile import frames
    proxy, receipts = served
    copy = tmp_path / proxy.log.folder.name
    shutil.copytree(proxy.log.folder, copy)
    segment = copy / "segments" / proxy.log.segments()[-1].name
    data = segment.read_bytes()
    first = next(frame for frame in frames(data) if frame.type == 2)
    segment.write_bytes(data[:first.offset])
    done = audit("verify", copy, "--receipt", receipts[-1], check=None)
    assert done.returncode != 0
    assert re.search(rf"{re.escape(receipts[-1])}: (missing|not yet recorded)", done.stdout)


@pytest.fixture
def third_party(tmp_path):
    """Runs a bundle's script with a PATH that has nothing else."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if not found:
            pytest.skip(f"no {name}")
        (tools / name).symlink_to(found)

    def verify(bundle, *arguments):
        return subprocess.run(
            [str(tools / "bash"), f"{bundle}/verify.sh", *map(str, arguments)],
            env={"PATH": str(tools)}, cwd="/", text=True, capture_output=True)

    return verify


def test_a_bundle_holds_without_sallyport(served, tmp_path, third_party):
    proxy, receipts = served
    bundle = tmp_path / "bundle"
    audit("bundle", proxy.log.directory, "3", receipts[-1], "--to", bundle)
    names = {path.name for path in bundle.iterdir()}
    assert {"README.md", "verify.sh", "vkey", "checkpoint", "record-3.json"} <= names
    done = third_party(bundle)
    assert done.returncode == 0, done.stderr
    assert "all 2 records hold" in done.stdout
    assert subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=bundle).returncode == 0
    # Under the key that the auditor has from elsewhere, and not under another.
    assert third_party(bundle, bundle / "vkey").returncode == 0
    other = tmp_path / "other"
    other.write_text("log.test/one+00000000+AQ" + "A" * 43 + "\n")
    assert third_party(bundle, other).returncode == 1


def test_a_bundle_that_was_changed_does_not_hold(served, tmp_path, third_party):
    proxy, _ = served
    bundle = tmp_path / "bundle"
    audit("bundle", proxy.log.directory, "3", "4", "--to", bundle)
    record = bundle / "record-3.json"
    whole = record.read_text()
    record.write_text(whole.replace('"status":200', '"status":403'))
    assert third_party(bundle).returncode == 1
    record.write_text((bundle / "record-4.json").read_text())
    assert third_party(bundle).returncode == 1, "another record in its place"
    record.write_text(whole)
    assert third_party(bundle).returncode == 0
    checkpoint = (bundle / "record-3.tlog-proof").read_text()
    (bundle / "record-3.tlog-proof").write_text(checkpoint.replace("log.test/one", "log.test/two"))
    assert third_party(bundle).returncode == 1
    done = audit("bundle", proxy.log.directory, "3", "--to", bundle, check=None)
    assert done.returncode == 2 and "not empty" in done.stderr


def test_what_is_withheld_is_not_in_the_bundle(served, tmp_path, third_party):
    proxy, receipts = served
    bundle = tmp_path / "bundle"
    audit("bundle", proxy.log.directory, receipts[30], "--withhold", "subject", "--to", bundle)
    assert not any(b"alice" in path.read_bytes() for path in bundle.iterdir())
    line = json.loads(next(bundle.glob("record-*.json")).read_text())
    assert line["subject"] is None and line["salts"][1] == "" and len(line["hashes"][1]) == 64
    assert third_party(bundle).returncode == 0


def test_a_report_counts_and_names(served):
    proxy, receipts = served
    text = audit("report", proxy.log.directory).stdout
    assert f"{len(receipts)} requests ended" in text
    for row in ("| allow | 35 |", "| deny | 1 |", "| throttle | 1 |", "| 2xx | 35 |", "| 4xx | 2 |",
                r"| policy.role\_missing | 1 |", "| alice | 1 |", f"| 127.0.0.1 | {len(receipts)} |"):
        assert row in text, (row, text)
    assert "| holds |" in text
    assert "start" in text and "stop" in text
    nothing = audit("report", proxy.log.directory, "--until", "2001-01-01").stdout
    assert "0 requests ended" in nothing


def test_a_report_shows_hostile_text_as_text(served):
    proxy, _ = served
    page = audit("report", proxy.log.directory, "--format", "html").stdout
    assert page.startswith("<!DOCTYPE html>")
    assert "&lt;img src=x&gt;|&quot;evil&quot;" in page
    assert "<img" not in page and "<script" not in page
    assert "<img" not in audit("report", proxy.log.directory).stdout


def test_a_report_of_a_broken_log_says_so(served, tmp_path):
    proxy, _ = served
    copy = tmp_path / proxy.log.folder.name
    shutil.copytree(proxy.log.folder, copy)
    segment = copy / "segments" / proxy.log.segments()[0].name
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    done = audit("report", copy, check=None)
    assert done.returncode == 1
    assert "does not hold" in done.stdout


def test_records_as_a_table_and_as_csv(served):
    proxy, _ = served
    rows = list(csv.DictReader(io.StringIO(audit("show", "--csv", proxy.log.directory).stdout)))
    records = proxy.log.records()
    assert [int(row["index"]) for row in rows] == [record.index for record in records]
    assert sum(row["subject"] == "alice" for row in rows) == 1
    assert sum(row["outcome"] == "throttle" for row in rows) == 1
    table = audit("show", "--table", proxy.log.directory).stdout.splitlines()
    assert len(table) == len(records)
    found = audit("search", "--csv", "--subject", "alice", proxy.log.directory).stdout
    assert len(found.splitlines()) == 2


def test_search_says_what_it_skipped(served):
    proxy, _ = served
    done = audit("search", proxy.log.directory, "--until", "2001-01-01", "--statistics", check=1)
    skipped, of = re.search(r"(\d+) of (\d+) blocks skipped", done.stderr).groups()
    assert skipped == of and int(of) > 0
    done = audit("search", proxy.log.directory, "--subject", "alice", "--statistics", "--json")
    assert len(done.stdout.splitlines()) == 1
