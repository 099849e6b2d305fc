"""The demo: its printed commands are run as they are printed."""

import json
import re
import signal
import subprocess

import pytest

from harness.proxy import BINARY


@pytest.fixture
def demo(tmp_path):
    """The running demo's printed commands, by the comment above them."""
    process = subprocess.Popen(
        [BINARY, "demo", "--directory", "demo files"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    printed = []
    for line in process.stdout:
        printed.append(line)
        if "sallyport-audit verify" in line:
            break
    else:
        raise AssertionError(process.stderr.read())
    commands, comment = {}, None
    for line in map(str.strip, printed):
        if line.startswith("#"):
            comment = line.lstrip("# ")
        elif comment and line:
            commands.setdefault(comment.split(":")[0].split(",")[0], []).append(line)
    yield process, commands, tmp_path
    if process.poll() is None:
        process.kill()
    process.wait()


def shell(command: str, place, check=True) -> str:
    done = subprocess.run(["bash", "-c", command], cwd=place, capture_output=True, text=True,
                          timeout=20)
    if check:
        assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_printed_commands_do_as_they_say(demo):
    process, commands, place = demo
    allowed = shell(commands["Allowed"][0], place)
    assert allowed.startswith("HTTP/1.1 200 ") and '"user":"reader"' in allowed
    assert "Audit-Receipt: " in allowed
    assert shell(commands["401"][0], place).startswith("HTTP/1.1 401 ")
    assert len(commands["403"]) == 2
    for command in commands["403"]:
        assert shell(command, place).startswith("HTTP/1.1 403 ")
    service = shell(commands["A certificate instead of a token"][0], place)
    assert service.startswith("HTTP/1.1 200 ")
    assert '"user":"spiffe://demo.example/stock-service"' in service
    without = re.sub(r"--(cert|key) '[^']*' ", "", commands["A certificate instead of a token"][0])
    assert "policy.certificate_missing" in shell(without, place)
    first, second = shell(commands["Plain HTTP is sent on to TLS"][0], place).split("HTTP/1.1 ")[1:]
    assert first.startswith("308 ")
    assert re.search(r"\nLocation: https://127\.0\.0\.1:\d+/healthz\n", first)
    assert "strict-transport-security" not in first.lower()
    assert second.startswith("200 ") and "\nStrict-Transport-Security: max-age=" in second
    codes = re.findall(r"^\d{3}", shell(commands["429"][0], place), re.MULTILINE)
    assert codes == ["200"] * 5 + ["429"] * 3

    tail = subprocess.Popen(["bash", "-c", "exec " + commands["The log as it grows"][0]],
                            cwd=place, stdout=subprocess.PIPE, text=True)
    try:
        seen = set()
        for line in tail.stdout:
            seen.add(json.loads(line)["core"].get("status"))
            if {200, 429} <= seen:
                break
    finally:
        tail.terminate()
        tail.wait()
    denied = shell(commands["Who was refused"][0], place)
    assert "policy.role_missing" in denied
    assert "holds" in shell(commands["The proof"][0], place)

    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert "holds" in shell(commands["The proof"][0], place)


def test_keys_and_tokens_are_the_users_own(demo):
    _, _, place = demo
    for name in ("audit-key.pem", "issuer-key.pem", "ca-key.pem", "server-key.pem",
                 "service-key.pem"):
        assert (place / "demo files" / name).stat().st_mode & 0o077 == 0
    tokens = sorted(path.name for path in (place / "demo files").glob("*.token"))
    assert tokens == ["admin.token", "nobody.token", "reader.token"]


def test_a_second_demo_takes_another_port(demo):
    _, commands, place = demo
    first = re.search(r"127\.0\.0\.1:(\d+)", commands["Allowed"][0])[1]
    plain = re.search(r"127\.0\.0\.1:(\d+)", commands["Plain HTTP is sent on to TLS"][0])[1]
    other = subprocess.Popen([BINARY, "demo", "--directory", "other"], cwd=place,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found = None
    try:
        for line in other.stdout:
            found = found or re.search(r"answers on https://127\.0\.0\.1:(\d+)", line)
            if redirecting := re.search(r"^http://127\.0\.0\.1:(\d+) only leads there", line):
                break
        assert found and found[1] != first
        assert redirecting and redirecting[1] != plain
        other.send_signal(signal.SIGTERM)
        assert other.wait(10) == 0
    finally:
        if other.poll() is None:
            other.kill()
        other.wait()
