"""A record for every request, nothing secret in it, and verifiers that nobody here wrote."""

import base64
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.client import Client, chunked, once, request
from harness.logfile import frames, records_of
from harness.proxy import AUDIT, audit, run


def test_a_forwarded_request(proxy, tokens, upstream):
    token = tokens.make("recorded", ["reader"])
    response = once(proxy.address, request(
        "POST", "/secure/thing?b=1&a=2&b=3", {"User-Agent": "tester/1.0"}, body=b"12345",
        token=token))
    record = proxy.record(response)
    assert record["kind"] == "combined"
    assert record["v"] == 1
    assert record["outcome"] == "allow" and record["status"] == 200
    assert "reason" not in record and "error" not in record
    assert record["method"] == "POST" and record["protocol"] == "HTTP/1.1"
    assert record["route"] == "secure" and record["listener"] == "public"
    assert record["upstream"]["name"] == "main" and record["upstream"]["status"] == 200
    assert record["upstream"]["endpoint"] == f"127.0.0.1:{upstream.port}"
    assert record["upstream"]["attempts"] == 1
    assert record["request_id"] == response.get("X-Request-Id").replace("-", "")
    assert record["bytes"]["in"] > 5 and record["bytes"]["out"] > len(response.body)
    times = record["us"]
    assert 0 <= times["decision"] <= times["first_byte"] <= times["total"] < 5_000_000
    assert abs(record["ts"] / 1e6 - time.time()) < 60
    assert len(record["trace_id"]) == 32 and len(record["span_id"]) == 16
    assert record["subject"]["sub"] == "recorded"
    assert record["subject"]["peer_ip"] == "127.0.0.1"
    assert record["subject"]["token"] == hashlib.sha256(token.encode()).hexdigest()[:32]
    assert record["detail"]["authority"] == "api.test"
    assert record["detail"]["path"] == "/secure/thing"
    assert record["detail"]["query_keys"] == "b&a&b"
    assert record["detail"]["user_agent"] == "tester/1.0"


def test_a_slow_request_says_first_what_was_decided(proxy, upstream, path):
    """Open longer than a second: the decision is on record before the answer is."""
    release = threading.Event()

    @upstream.on(path)
    def answer(exchange):
        exchange.read()
        release.wait(8)
        exchange.respond(b"late")

    with Client(proxy.address) as client:
        client.send(request(target=path))
        decision = proxy.log.where(
            lambda record: record.kind == "decision" and record.detail["path"] == path)[0].core
        assert decision["outcome"] == "allow"
        release.set()
        receipt = client.response().receipt
        record = proxy.log.wait_for(receipt)
    assert record["kind"] == "completion"
    assert record["link"] == decision["seq"] == int(receipt.split(".")[3])
    assert record["boot"] == decision["boot"]
    assert record["request_id"] == decision["request_id"]
    assert record["us"]["total"] > 900_000


def test_every_request_leaves_a_record(make_proxy, tokens, upstream):
    """Forwarded, refused, throttled, malformed, timed out, aborted: none is missing, and each
    worker's sequence has no gap."""
    proxy = make_proxy(limits={"head_time": "300ms"})
    receipts = []
    hang = threading.Event()

    @upstream.on("/open/hang")
    def never(exchange):
        exchange.read()
        hang.set()
        exchange.wait_closed()
        return False

    for number in range(6):
        receipts += [
            once(proxy.address, request(target="/open/x")).receipt,
            once(proxy.address, request(target="/health")).receipt,
            once(proxy.address, request(target="/secure/x")).receipt,
            once(proxy.address, request(target="/admin/x", token=tokens.make("a"))).receipt,
            once(proxy.address, request(target="/limited/x", token=tokens.make("b"))).receipt,
            once(proxy.address, request(target="/by-address/x")).receipt,
            once(proxy.address, request(target="/nowhere")).receipt,
            once(proxy.address, b"BAD\r\n\r\n").receipt,
            once(proxy.address, request(target="/open/../x")).receipt,
        ]
    with Client(proxy.address) as slow:
        receipts.append(slow.send(b"GET / HT").response().receipt)
    leaver = Client(proxy.address)
    leaver.send(request(target="/open/hang"))
    assert hang.wait(5)
    leaver.reset()
    proxy.log.where(lambda record: record.detail.get("path") == "/open/hang")
    assert proxy.stop() == 0

    cores = [record.core for record in proxy.log.requests()]
    assert len(cores) == len(receipts) + 1
    for receipt in receipts:
        _, boot, worker, sequence = receipt.split(".")
        found = [core for core in cores
                 if (core["worker"], core["seq"]) == (int(worker), int(sequence))]
        assert len(found) == 1
    for worker in (0, 1):
        sequences = sorted(core["seq"] for core in cores if core["worker"] == worker)
        assert sequences == list(range(1, len(sequences) + 1))
    outcomes = {outcome: sum(core["outcome"] == outcome for core in cores)
                for outcome in ("allow", "deny", "throttle", "error")}
    assert outcomes["allow"] >= 12 and outcomes["deny"] >= 18
    assert outcomes["throttle"] >= 4 and outcomes["error"] == 14
    assert {core.get("error", {}).get("source") for core in cores} >= {None, "client"}
    # A worker's number, then its words: everything here was one process.
    assert len({core["boot"] for core in cores}) == 1


SECRET = "s3cr3t" + os.urandom(8).hex()


def test_secrets_are_never_in_the_log(make_proxy, tokens, upstream):
    proxy = make_proxy()
    token = tokens.make("careful")
    sent = [
        request(target=f"/secure/x?password={SECRET}&{SECRET}=", token=token),
        request(target=f"/secure/x?q={SECRET}", fields={
            "Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}",
            "Proxy-Authorization": f"Basic {SECRET}", "X-Api-Key": SECRET}),
        request("POST", "/open/x", {"Set-Cookie": SECRET}, body=SECRET.encode()),
        request(target="/open/x", fields={"Referer": f"https://x.test/?t={SECRET}"}),
        f"GET /open/x?a={SECRET} HTTP/1.1\r\nHost: a\r\nBad Field: {SECRET}\r\n\r\n".encode(),
        f"GET http://user:{SECRET}@api.test/open/x HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    ]

    @upstream.on("/open/x")
    def answer(exchange):
        exchange.respond(SECRET.encode(), fields=f"Set-Cookie: s={SECRET}\r\n")

    for data in sent:
        once(proxy.address, data)
    assert proxy.stop() == 0
    assert len(proxy.log.requests()) == len(sent)
    said = proxy.log.everything()
    # The name of a parameter is a key, not a value; it stands in the one record that has it.
    keys = [record.detail.get("query_keys") for record in proxy.log.requests()]
    assert f"password&{SECRET}" in keys
    said = said.replace(f"password&{SECRET}".encode(), b"")
    assert SECRET.encode() not in said
    assert base64.b64encode(SECRET.encode()) not in said
    for part in token.split("."):
        assert part.encode() not in said, "a piece of a token"
    assert SECRET not in "".join(proxy.lines)


def test_nothing_a_peer_sends_starts_a_line_or_a_field(make_proxy):
    proxy = make_proxy()
    evil = 'a"},"outcome":"allow","x":"\xe2\x80\xae\xc2\x85\x1b'
    once(proxy.address, request(target="/open/x", fields={"User-Agent": evil}))
    once(proxy.address, request(target="/open/x", fields={"User-Agent": "\xff\xfe\xfd"}))
    once(proxy.address, request("GET\"x", "/open/x"))
    assert proxy.stop() == 0
    for record in proxy.log.requests():
        for part in record.parts:
            assert b"\n" not in part and b"\x1b" not in part
            text = part.decode("utf-8")
            assert "\u202e" not in text and "\u0085" not in text
            json.loads(text)


def stopped_log(make_proxy, tokens, count=400):
    """A proxy that has served a while, over two workers, and has stopped."""
    proxy = make_proxy()
    token = tokens.make("witness", ["admin"])
    with Client(proxy.address) as one, Client(proxy.address) as two:
        for number in range(count // 2):
            last = one.ask(request(target=f"/health?n={number}"))
            two.ask(request(target=f"/admin/{number}", token=token))
    assert proxy.stop() == 0, proxy.lines
    return proxy, last


@pytest.fixture(scope="module")
def finished(tmp_path_factory, shared_upstream, tokens):
    from harness.proxy import Proxy, settings
    directory = tmp_path_factory.mktemp("finished")
    place = directory / "one"
    shared_upstream.handlers.clear()

    def make():
        return Proxy(place, settings(place, shared_upstream.port, tokens)).start()

    return stopped_log(make, tokens)


def head_of(log) -> dict:
    first = next(frames(log.segments()[0].read_bytes()))
    return json.loads(first.clear)


def test_frames_chain_and_commit(finished):
    """Format §2 and §3, checked byte by byte apart from our own code."""
    proxy, _ = finished
    previous, number, index = bytes(32), 0, 0
    for path in proxy.log.segments():
        assert path.name == f"{number:020d}.alog"
        data = path.read_bytes()
        seen = 0
        for frame in frames(data, check=True):
            assert frame.number == number
            assert frame.raw[28:60] == previous
            if frame.type == 2:
                for record in records_of(frame):
                    assert record.index == index
                    assert record.entry[:3] == b"al1"
                    assert record.entry[4:] == record.commitment()
                    index += 1
            if frame.type == 4:
                seal = json.loads(frame.clear)
                assert seal["sha256"] == hashlib.sha256(data[:frame.offset]).hexdigest()
                assert seal["last"] == index - 1
            previous = hashlib.sha256(frame.raw).digest()
            number += 1
            seen = frame.offset + len(frame.raw)
        assert seen == len(data), "bytes behind the last frame"
        assert frame.type == 4, "no seal"
    assert index > 400


def test_parts_are_canonical(finished):
    """RFC 8785: jq -jcS reproduces the bytes."""
    proxy, _ = finished
    for record in proxy.log.records()[::40]:
        for part in record.parts:
            done = subprocess.run(["jq", "-jcS", "."], input=part, capture_output=True, check=True)
            assert done.stdout == part


def test_the_pypi_verifier_accepts_the_log(finished):
    tlog = pytest.importorskip("aics_tlog")
    proxy, _ = finished
    served = proxy.log.folder / "tlog"
    key = tlog.parse_vkey(head_of(proxy.log)["vkey"])
    note = tlog.parse_note((served / "checkpoint").read_bytes())
    result = tlog.verify_checkpoint(note, key, expected_origin=head_of(proxy.log)["origin"])
    assert result.log_ok
    checkpoint = tlog.parse_checkpoint(note.text)
    records = proxy.log.records()
    assert checkpoint.size == len(records)
    reader = tlog.FileSystemTileReader(served)
    report = tlog.audit_tiles(reader, checkpoint.size, checkpoint.root)
    assert report.size == len(records) and report.bundles == (len(records) + 255) // 256
    tree = tlog.MerkleTree()
    for record in records:
        tree.append(record.entry)
    assert tree.root() == checkpoint.root
    for index in (0, 1, 255, 256, len(records) - 1):
        proof = tlog.inclusion_proof_from_tiles(reader, index, checkpoint.size)
        assert tlog.verify_leaf_inclusion(
            records[index].entry, index, checkpoint.size, proof, checkpoint.root)
        assert not tlog.verify_leaf_inclusion(
            records[index].entry[:-1] + b"\0", index, checkpoint.size, proof, checkpoint.root)


def test_every_signed_checkpoint_is_of_this_history(finished):
    tlog = pytest.importorskip("aics_tlog")
    proxy, _ = finished
    key = tlog.parse_vkey(head_of(proxy.log)["vkey"])
    entries = [record.entry for record in proxy.log.records()]
    sizes = []
    for path in proxy.log.segments():
        for frame in frames(path.read_bytes()):
            if frame.type != 3:
                continue
            note = tlog.parse_note(frame.clear)
            assert tlog.verify_checkpoint(note, key).log_ok
            checkpoint = tlog.parse_checkpoint(note.text)
            tree = tlog.MerkleTree()
            for entry in entries[:checkpoint.size]:
                tree.append(entry)
            assert tree.root() == checkpoint.root
            sizes.append(checkpoint.size)
    assert sizes == sorted(set(sizes)) and sizes[-1] == len(entries)


def test_openssl_verifies_the_note(finished, tmp_path):
    proxy, _ = finished
    note = (proxy.log.folder / "tlog/checkpoint").read_text()
    text, _, signatures = note.rpartition("\n\n")
    (tmp_path / "text").write_text(text + "\n")
    lines = dict(line.removeprefix("\u2014 ").split(" ") for line in signatures.splitlines())
    encoded = lines[head_of(proxy.log)["origin"]]
    (tmp_path / "signature").write_bytes(base64.b64decode(encoded)[4:])
    vkey = head_of(proxy.log)["vkey"].split("+", 2)[2]
    public = base64.b64decode(vkey)[1:]
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + public)

    def verify() -> int:
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey",
             tmp_path / "key.der", "-in", tmp_path / "text", "-sigfile", tmp_path / "signature"],
            capture_output=True).returncode

    assert verify() == 0
    (tmp_path / "text").write_text(text.replace("/", "!", 1) + "\n")
    assert verify() != 0


def test_verify_holds_and_says_so(finished, tmp_path):
    proxy, _ = finished
    done = audit("verify", proxy.log.directory)
    assert "holds" in done.stdout
    said = json.loads(audit("verify", "--json", proxy.log.directory).stdout)
    assert str(len(proxy.log.records())) in json.dumps(said)
    key = tmp_path / "vkey"
    key.write_text(head_of(proxy.log)["vkey"] + "\n")
    assert audit("verify", "--vkey", key, proxy.log.directory, check=None).returncode == 0
    other = "+".join(head_of(proxy.log)["vkey"].split("+", 2)[:2]) + "+" + base64.b64encode(
        b"\x01" + os.urandom(32)).decode()
    key.write_text(other + "\n")
    assert audit("verify", "--vkey", key, proxy.log.directory, check=None).returncode != 0


def places(folder: Path):
    """One random bit of each kind of thing: its file, offset and bit."""
    chooser = random.Random(int(os.environ.get("SEED", "20261124")))
    for kind, pattern, count in (
            ("segment", "segments/*.alog", 14), ("tile", "tlog/tile/[0-9]*/**/*", 5),
            ("entries", "tlog/tile/entries/**/*", 4), ("checkpoint", "tlog/checkpoint", 3),
            ("notes", "notes/*", 3)):
        files = sorted(path for path in folder.glob(pattern) if path.is_file())
        assert files, kind
        for _ in range(count):
            path = chooser.choice(files)
            yield kind, path.relative_to(folder), chooser.randrange(
                path.stat().st_size), chooser.randrange(8)


def test_one_flipped_bit_anywhere_is_detected(finished, tmp_path):
    proxy, _ = finished
    missed = []
    key = tmp_path / "vkey"
    key.write_text(head_of(proxy.log)["vkey"] + "\n")
    for number, (kind, name, offset, bit) in enumerate(places(proxy.log.folder)):
        copy = tmp_path / str(number) / proxy.log.folder.name
        shutil.copytree(proxy.log.folder, copy)
        data = bytearray((copy / name).read_bytes())
        data[offset] ^= 1 << bit
        (copy / name).write_bytes(data)
        done = audit("verify", "--vkey", key, copy, check=None)
        if done.returncode == 0 or not (done.stdout + done.stderr).strip():
            missed.append((kind, str(name), offset, bit, done.stdout[-300:]))
        shutil.rmtree(copy)
    assert not missed, missed


def test_a_missing_tail_is_detected(finished, tmp_path):
    proxy, _ = finished
    copy = tmp_path / proxy.log.folder.name
    shutil.copytree(proxy.log.folder, copy)
    segment = copy / "segments" / proxy.log.segments()[-1].name
    data = segment.read_bytes()
    batches = [frame for frame in frames(data) if frame.type == 2]
    segment.write_bytes(data[:batches[-1].offset])
    assert audit("verify", copy, check=None).returncode != 0


def test_show_and_tail_print_a_line_per_record(finished):
    proxy, _ = finished
    lines = audit("show", "--json", proxy.log.directory).stdout.splitlines()
    records = proxy.log.records()
    assert len(lines) == len(records)
    for line, record in list(zip(lines, records))[::50]:
        said = json.loads(line)
        assert said["index"] == record.index
        assert (said["core"], said["subject"], said["detail"]) == (
            record.core, record.subject, record.detail)
        assert said["leaf"] == hashlib.sha256(b"\0" + record.entry).hexdigest()
    tail = audit("tail", "-n", "3", "--json", proxy.log.directory).stdout.splitlines()
    assert [json.loads(line)["index"] for line in tail] == [r.index for r in records[-3:]]


def search(proxy, *arguments, check=0) -> list[dict]:
    done = audit("search", proxy.log.directory, *arguments, "--json", check=check)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_search(finished):
    proxy, last = finished
    found = search(proxy, "--request-id", last.get("X-Request-Id"))
    assert len(found) == 1 and found[0]["core"]["route"] == "health"
    assert len(search(proxy, "--subject", "witness")) == 200
    assert len(search(proxy, "--status", "200")) == 400
    assert search(proxy, "--status", "4xx", check=1) == []
    assert search(proxy, "--subject", "nobody", check=1) == []
    # Lifecycle records count: a busy machine may stop seconds after the last request.
    times = sorted(record.core["ts"] for record in proxy.log.records())
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(times[-1] / 1e6 + 1))
    assert search(proxy, "--since", moment, check=1) == []
    assert len(search(proxy, "--until", moment, "--status", "2xx")) == 400


def test_a_receipt_demands_its_proof(finished, tmp_path):
    """Format §9: the proof checked with a Merkle verifier that is not ours."""
    tlog = pytest.importorskip("aics_tlog")
    proxy, last = finished
    audit("prove", proxy.log.directory, last.receipt, "-o", tmp_path / "p.tlog-proof",
          "--with-record", tmp_path / "record.json")
    head, _, note = (tmp_path / "p.tlog-proof").read_text().partition("\n\n")
    lines = head.splitlines()
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    lines = [line for line in lines[1:] if not line.startswith("extra ")]
    index = int(lines[0].removeprefix("index "))
    hashes = [base64.b64decode(line) for line in lines[1:]]
    parsed = tlog.parse_note(note)
    assert tlog.verify_checkpoint(parsed, tlog.parse_vkey(head_of(proxy.log)["vkey"])).log_ok
    checkpoint = tlog.parse_checkpoint(parsed.text)
    record = json.loads((tmp_path / "record.json").read_text())
    parts = [json.dumps(record[name], sort_keys=True, separators=(",", ":"),
                        ensure_ascii=False).encode() for name in ("core", "subject", "detail")]
    hashed = [hashlib.sha256(b"\x10" + bytes([n]) + bytes.fromhex(salt) + part).digest()
              for n, (salt, part) in enumerate(zip(record["salts"], parts))]
    entry = b"al1\x03" + hashlib.sha256(b"\x11\x03" + b"".join(hashed)).digest()
    assert tlog.verify_leaf_inclusion(entry, index, checkpoint.size, hashes, checkpoint.root)


def test_an_unknown_receipt_is_said_to_be_missing(finished):
    proxy, last = finished
    log, boot, worker, sequence = last.receipt.split(".")
    done = audit("prove", proxy.log.directory, f"{log}.{boot}.{worker}.999999", check=None)
    assert done.returncode == 1


def test_tail_follows(make_proxy):
    proxy = make_proxy()
    once(proxy.address, request(target="/health"))
    tail = subprocess.Popen(
        [AUDIT, "tail", "-f", "-n", "1", proxy.log.directory], stdout=subprocess.PIPE, text=True)
    try:
        tail.stdout.readline()
        response = once(proxy.address, request(target="/health"))
        wanted = response.get("X-Request-Id").replace("-", "")
        for line in tail.stdout:
            if json.loads(line)["core"].get("request_id") == wanted:
                break
        else:
            raise AssertionError("the record did not come")
    finally:
        tail.terminate()
        tail.wait()


def test_a_live_log_verifies(proxy, path):
    once(proxy.address, request(target=path))
    done = audit("verify", proxy.log.directory, check=None)
    assert done.returncode == 0, done.stdout + done.stderr


def test_checkpoints_keep_coming(make_proxy):
    proxy = make_proxy()
    response = once(proxy.address, request(target="/health"))
    index = proxy.record(response)["index"]
    end = time.monotonic() + 5
    while True:
        size = int((proxy.log.folder / "tlog/checkpoint").read_text().split("\n")[1])
        if size > index:
            break
        assert time.monotonic() < end
        time.sleep(0.02)


def test_receipts_name_this_log(proxy):
    receipt = once(proxy.address, request(target="/health")).receipt
    assert re.fullmatch(r"[0-9a-f]{16}\.[0-9a-f]{16}\.[01]\.[1-9][0-9]*", receipt)
    assert receipt.startswith(proxy.log.folder.name + ".")
