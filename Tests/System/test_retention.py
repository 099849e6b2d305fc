"""Segments are deleted after a signed record says so, holds stop it, and proofs still verify."""

import json
import shutil
import subprocess
from functools import partial

import pytest

from harness import waiting
from harness.client import Client, request
from harness.proxy import BINARY, Proxy, audit, settings

# A segment's second, and the checks that follow it.
until = partial(waiting.until, timeout=30.0)


@pytest.fixture
def place(tmp_path, shared_upstream, tokens):
    """Settings of a log whose segments are a second long and kept for good."""
    shared_upstream.handlers.clear()
    config = settings(tmp_path, shared_upstream.port, tokens)
    config["audit"]["rotate"] = {"age": "1s"}
    return tmp_path, config


def fill(proxy, segments: int):
    """Asks until there are so many segments."""
    with Client(proxy.address) as client:
        def ask():
            proxy_receipts.append(client.ask(request(target="/health")).receipt)
            return len(proxy.log.segments()) >= segments
        proxy_receipts: list[str] = []
        until(ask, f"{segments} segments")
    return proxy_receipts


def pruned(proxy) -> list[dict]:
    """What the records about deletions say."""
    done = audit("search", proxy.log.directory, "--text", '"event":"pruned"', "--json", check=None)
    return [json.loads(line)["core"] for line in done.stdout.splitlines()]


def test_what_is_too_old_goes_and_what_was_proven_stays_proven(place):
    directory, config = place
    proxy = Proxy(directory, config).start()
    receipts = fill(proxy, 3)
    assert proxy.stop() == 0, proxy.lines
    first = proxy.log.segments()[0]
    proof, record = directory / "proof", directory / "record"
    audit("prove", proxy.log.directory, "1", "--output", proof, "--with-record", record)
    kept = directory / "kept"
    shutil.copy(proxy.log.folder / "tlog/checkpoint", kept)
    state = directory / "state"
    audit("verify", proxy.log.directory, "--state", state)

    config["audit"]["retain"] = {"age": "2s"}
    proxy = Proxy(directory, config).start()
    until(lambda: not first.exists(), "the first segment is deleted")
    assert proxy.stop() == 0, proxy.lines

    said = json.loads(audit("verify", proxy.log.directory, "--json", "--against", kept).stdout)
    assert said["verdict"] == "holds"
    log = said["logs"][0]
    assert log["pruned"] > 0 and not log["problems"]
    leaf = pruned(proxy)[-1]
    assert leaf["first"] >= log["pruned"] and leaf["rule"] == {"age": 2}
    # Goes on from a state of before the deletion.
    again = json.loads(
        audit("verify", proxy.log.directory, "--json", "--state", state).stdout)["logs"][0]
    assert again["verdict"] == "holds" and again["start"] > 0

    # The same proof as before, to the checkpoint of now: the entry is what it was.
    later = audit("prove", proxy.log.directory, "1", "--output", directory / "later")
    assert "was deleted" in later.stderr
    assert json.loads(record.read_text())["entry"] in later.stderr
    done = audit("prove", proxy.log.directory, "1", "--with-record", directory / "x", check=None)
    assert done.returncode == 2 and "only its hash" in done.stderr
    done = audit("verify", proxy.log.directory, "--receipt", receipts[0], check=None)
    assert done.returncode == 2 and "may be among the records that were deleted" in done.stdout


def test_a_deletion_without_leave_is_named_and_refused(place):
    directory, config = place
    proxy = Proxy(directory, config).start()
    fill(proxy, 4)
    assert proxy.stop() == 0, proxy.lines
    segments = proxy.log.segments()
    segments[0].unlink()
    done = audit("verify", proxy.log.directory, check=None)
    assert done.returncode == 1
    assert "were deleted, and a signed leaf allows that of those before 0 only" in done.stdout
    with pytest.raises(RuntimeError, match="a signed leaf allows"):
        proxy.start()


def hold(proxy, *arguments, code: int = 0) -> str:
    done = subprocess.run([BINARY, "hold", proxy.log.directory, *arguments], text=True,
                          capture_output=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_hold_stops_deletion_and_is_recorded(place):
    directory, config = place
    proxy = Proxy(directory, config).start()
    fill(proxy, 2)
    assert proxy.stop() == 0, proxy.lines
    first = proxy.log.segments()[0]
    assert "no hold" in hold(proxy)
    assert "case 7, set by counsel" in hold(proxy, "--add", "case 7", "--by", "counsel")
    assert "has a hold" in hold(proxy, "--add", "case 7", "--by", "x", code=1)
    assert "has no hold" in hold(proxy, "--release", "case 8", code=1)

    config["audit"]["retain"] = {"age": "1s"}
    config["audit"]["heartbeat"] = "1s"
    proxy = Proxy(directory, config).start()
    fill(proxy, 5)
    assert first.exists() and not pruned(proxy)
    assert "no hold" in hold(proxy, "--release", "case 7")
    until(lambda: not first.exists(), "the first segment is deleted")
    assert proxy.stop() == 0, proxy.lines
    done = audit("search", proxy.log.directory, "--text", '"event":"holds"', "--json")
    holds = [json.loads(line)["core"]["holds"] for line in done.stdout.splitlines()]
    assert holds[-1] == []
    assert audit("verify", proxy.log.directory, check=None).returncode == 0


def test_a_killed_proxy_goes_on_deleting(place):
    directory, config = place
    config["audit"]["retain"] = {"age": "1s"}
    proxy = Proxy(directory, config).start()
    for _ in range(3):
        fill(proxy, 2)
        until(lambda: pruned(proxy), "a deletion is recorded")
        proxy.kill()
        proxy.start()
    assert proxy.stop() == 0, proxy.lines
    done = audit("verify", proxy.log.directory, check=None)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_search_index_finds_the_same(place):
    directory, config = place
    proxy = Proxy(directory, config).start()
    fill(proxy, 3)
    assert proxy.stop() == 0, proxy.lines
    index = directory / "index"
    for arguments in (["--route", "health"], ["--client", "127.0.0.1"], ["--status", "2xx"]):
        plain = audit("search", proxy.log.directory, *arguments, "--json").stdout
        for _ in range(2):
            assert audit("search", proxy.log.directory, *arguments, "--json",
                         "--index", index).stdout == plain
    assert list(index.glob("*/*.aidx"))
    done = audit("search", proxy.log.directory, "--subject", "nobody", "--index", index,
                 "--statistics", check=None)
    assert done.returncode == 1 and "by their index" in done.stderr
    done = audit("verify", proxy.log.directory, "--progress", "always")
    assert "segments)" in done.stderr
    assert "segments)" not in audit("verify", proxy.log.directory).stderr
