"""Reading the log on its own host is a record; reading a copy of it is not."""

import json
import os
import shutil
import stat
import subprocess

import pytest

from harness.client import once, request
from harness.proxy import AUDIT, audit


def accesses(proxy):
    return [record.core for record in proxy.log.records() if record.kind == "access"]


def test_each_command_on_a_running_proxys_log_is_a_record(make_proxy, tmp_path):
    proxy = make_proxy()
    response = once(proxy.address, request(target="/health"))
    proxy.log.wait_for(response.receipt)
    directory = proxy.log.directory
    audit("verify", directory, "--since", "1h")
    audit("show", directory, "--from", "0", "--limit", "5")
    audit("search", directory, "--route", "health", "--status", "200")
    audit("tail", directory, "-n", "3")
    audit("prove", directory, "0")
    audit("report", directory, "--since", "1h")
    audit("bundle", directory, "0", "--to", tmp_path / "bundle")
    found = accesses(proxy)
    assert [record["command"] for record in found] == [
        "verify", "show", "search", "tail", "prove", "report", "bundle"]
    for record in found:
        assert record["event"] == "access" and record["by"]["uid"] == os.geteuid()
        assert record["by"]["pid"] > 0 and "asked" not in record
    assert found[0]["range"] == "since=1h"
    assert found[2]["range"] == "by=route,status", "what was sought is not who was sought"
    assert proxy.stop() == 0
    verdict = json.loads(audit("verify", directory, "--json").stdout)["logs"][0]
    assert verdict["verdict"] == "holds"


def test_what_was_sought_is_not_recorded(make_proxy):
    proxy = make_proxy()
    audit("search", proxy.log.directory, "--subject", "planted@example.test", check=1)
    assert accesses(proxy)[-1]["range"] == "by=subject"
    assert b"planted" not in proxy.log.everything()


def test_a_stopped_proxys_log_keeps_the_word_for_the_next_start(make_proxy):
    proxy = make_proxy()
    directory, folder = proxy.log.directory, proxy.log.folder
    assert (folder / "access.sock").is_socket()
    assert proxy.stop() == 0
    assert not (folder / "access.sock").exists(), "a copy has no socket in it"
    assert stat.S_IMODE((folder / "access").stat().st_mode) == 0o1770
    audit("show", directory)
    audit("verify", directory)
    assert accesses(proxy) == []
    proxy.start()
    found = accesses(proxy)
    assert [record["command"] for record in found] == ["show", "verify"]
    assert all(record["asked"] < record["ts"] and record["by"]["uid"] == os.geteuid()
               for record in found)
    assert [path.name for path in (folder / "access").iterdir()] == ["host"]


def test_a_copy_is_read_in_silence(make_proxy, tmp_path):
    proxy = make_proxy()
    copy = tmp_path / "copy"
    # As an auditor takes it along: sockets are no files.
    shutil.copytree(proxy.log.directory, copy,
                    ignore=shutil.ignore_patterns("access.sock", "keyring"))
    before = sorted(path for path in copy.rglob("*"))
    done = audit("verify", copy)
    assert done.stderr == ""
    assert sorted(path for path in copy.rglob("*")) == before
    assert accesses(proxy) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")
def test_who_may_read_but_not_write_is_told_that_it_is_not_recorded(make_proxy, tmp_path):
    proxy = make_proxy()
    assert proxy.stop() == 0
    folder = proxy.log.folder
    for path in [proxy.log.directory, *proxy.log.directory.rglob("*"), tmp_path, *tmp_path.parents]:
        if path != path.parent:
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    (folder / "access").chmod(0o755)
    program = ["python3", "-c", "import os,sys;os.setgroups([]);os.setgid(4343);os.setuid(4343);"
               "os.execv(sys.argv[1], sys.argv[1:])", AUDIT, "verify", proxy.log.directory]
    done = subprocess.run(program, capture_output=True, text=True)
    assert "this access is not recorded" in done.stderr
    assert done.returncode == 0, done.stderr
