"""A restored copy of the log is not regrown: another log begins, and says which one it replaces."""

import json
import shutil

import pytest

from harness.client import once, request
from harness.logfile import Log, frames, records_of
from harness.proxy import audit

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
