"""The administrators' socket: who may, what it takes, and that each command is a record."""

import json
import os
import socket
import stat
import subprocess
import sys
import threading

import pytest

from harness.proxy import BINARY, audit, run


@pytest.fixture
def admin(make_proxy, tmp_path):
    def make(**changes):
        path = tmp_path / "admin.sock"
        proxy = make_proxy(admin={"socket": str(path), **changes})
        return proxy, path
    return make


def ask(path, line: bytes, timeout=30) -> dict | None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(str(path))
        client.sendall(line)
        answer = b""
        while not answer.endswith(b"\n"):
            piece = client.recv(65536)
            if not piece:
                return None
            answer += piece
    return json.loads(answer)


def commands(proxy):
    return [record.core for record in proxy.log.records() if record.kind == "administration"]


def test_status_is_answered_and_recorded(admin):
    proxy, path = admin()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    answer = json.loads(run(BINARY, "status", "--config", proxy.file).stdout)
    assert answer["ok"] and not answer["failed"] and answer["entries"] > 0
    record, = commands(proxy)
    assert (record["event"], record["command"], record["outcome"]) == ("admin", "status", "answered")
    assert record["by"]["uid"] == os.geteuid() and record["by"]["pid"] > 0
    assert proxy.stop() == 0
    assert json.loads(audit("verify", proxy.log.directory, "--json").stdout)["logs"][0][
        "verdict"] == "holds"
    assert "nobody listens" in run(BINARY, "status", "--config", proxy.file, check=2).stderr


@pytest.mark.parametrize("line, wrong", [
    (b"\n", "no JSON"), (b"[]\n", "no object"), (b'{"command":"reboot"}\n', "no such command"),
    (b'{"command":"status","verbose":"1"}\n', "not a member"),
    (b'{"command":"status","command":"status"}\n', "no JSON"),
    (b'{"command":"erase","subject":"a"}\n', "missing"),
    (b'{"command":"access","tool":"show","range":""}\n', "no such command"),
    (b'{"command":"\xff"}\n', "no JSON"),
])
def test_anything_else_is_refused_and_recorded(admin, line, wrong):
    proxy, path = admin()
    answer = ask(path, line)
    assert not answer["ok"] and wrong in answer["error"]
    assert commands(proxy)[-1]["outcome"] == "refused"


def test_long_lines_and_silence_end_without_harm(admin):
    proxy, path = admin()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        silent.settimeout(30)
        # The other waits for the silent one's two seconds at most.
        assert ask(path, b'{"command":"status"}\n')["ok"]
        assert silent.recv(1) == b""
    try:
        assert ask(path, b" " * 200_000 + b"\n") is None
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert ask(path, b'{"command":"status"}\n')["ok"]


def test_many_ask_at_once(admin):
    proxy, path = admin()
    answers = []
    threads = [threading.Thread(
        target=lambda: answers.append(ask(path, b'{"command":"status"}\n'))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer["ok"] for answer in answers] == [True] * 12
    assert len(commands(proxy)) == 12


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")
def test_another_user_may_not_without_the_group(admin, tmp_path):
    for parent in path_of(tmp_path):
        parent.chmod(parent.stat().st_mode | 0o055)
    proxy, path = admin(group=4242)
    program = ("import os,socket,sys;os.setgroups([int(sys.argv[2])] if sys.argv[2] else []);"
               "os.setgid(4343);os.setuid(4343);s=socket.socket(socket.AF_UNIX);"
               "s.connect(sys.argv[1]);s.sendall(b'{\"command\":\"status\"}\\n');"
               "print(s.recv(65536).decode())")

    def other(group):
        return subprocess.run([sys.executable, "-c", program, path, group], capture_output=True,
                              text=True)

    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert "PermissionError" in other("").stderr
    assert json.loads(other("4242").stdout)["ok"]
    assert commands(proxy)[-1]["by"]["uid"] == 4343


def path_of(path):
    return [path, *list(path.parents)[:-2]]


def test_the_socket_of_a_killed_proxy_is_replaced(admin):
    proxy, path = admin()
    proxy.kill()
    assert path.exists()
    proxy.start()
    assert ask(path, b'{"command":"status"}\n')["ok"]


def test_a_path_that_is_taken_is_refused(admin, tmp_path, make_proxy):
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(RuntimeError, match="could not be opened: bind"):
        make_proxy(admin={"socket": str(path)})
    assert path.read_text() == "mine"


def holds(proxy) -> list:
    """What each record of the holds says, in order."""
    return [core["holds"] for core in commands(proxy) if core["event"] == "holds"]


def test_a_hold_is_in_force_and_recorded_when_the_answer_comes(admin):
    proxy, _ = admin()

    def hold(*arguments, check=0):
        return run(BINARY, "hold", "--config", proxy.file, *arguments, check=check)

    assert "case 7, set by counsel, from record 3" in hold(
        "--add", "case 7", "--by", "counsel", "--from", "3").stdout
    # No heartbeat comes within a minute: the record is there because of the command.
    held, = holds(proxy)[-1]
    assert (held["name"], held["by"], held["first"]) == ("case 7", "counsel", 3)
    assert "legal hold" in run(
        BINARY, "erase", "--config", proxy.file, "--subject", "a", "--reason", "r", check=1).stderr
    assert "a hold of that name" in hold("--add", "case 7", "--by", "x", check=1).stderr
    assert "no hold of that name" in hold("--release", "case 8", check=1).stderr
    assert "case 7" in hold().stdout
    assert "no hold" in hold("--release", "case 7").stdout
    assert holds(proxy)[-1] == []
    admins = [core for core in commands(proxy) if core["event"] == "admin"]
    assert [(core["command"], core["outcome"]) for core in admins
            if core["command"] in ("hold", "release")] == [
        ("hold", "done"), ("hold", "refused"), ("release", "refused"), ("release", "done")]
    (proxy.log.folder / "hold.json").write_text("{}")
    assert "can't be read" in hold("--add", "case 9", "--by", "x", check=1).stderr
    (proxy.log.folder / "hold.json").unlink()
    assert proxy.stop() == 0
    # A stopped proxy's files are changed.
    assert "case 10" in hold("--add", "case 10", "--by", "counsel").stdout
    assert "--config" in run(BINARY, "hold", check=64).stderr
    audit("verify", proxy.log.directory)


def test_a_recipient_is_made_with_its_identity(tmp_path):
    path = tmp_path / "identity"
    done = run(BINARY, "keygen", "--recipient", path)
    recipient = done.stdout.split()[-1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and recipient.startswith("age1")
    # As age itself reads it.
    assert run("age-keygen", "-y", path).stdout.strip() == recipient
    shown = json.loads(run(BINARY, "keygen", "--recipient", "--show", "--json", path).stdout)
    assert shown == {"file": str(path), "recipient": recipient}
    assert "SECRET" not in done.stdout + done.stderr
    assert "exist" in run(BINARY, "keygen", "--recipient", path, check=2).stderr.lower()
    path.write_text("no identity\n")
    assert "no age identity" in run(
        BINARY, "keygen", "--recipient", "--show", path, check=2).stderr
