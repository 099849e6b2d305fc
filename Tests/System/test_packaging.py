"""The units, the settings that come with the package, and the man pages. `make deb-test` installs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.proxy import AUDIT, BINARY, ROOT, run

PACKAGING = ROOT / "packaging"
UNITS = PACKAGING / "systemd"

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")


@pytest.fixture
def units(tmp_path) -> Path:
    """The units, with a program that is there."""
    for name in ("sallyport.service", "sallyport.socket"):
        text = (UNITS / name).read_text().replace("/usr/bin/sallyport", str(BINARY))
        (tmp_path / name).write_text(text)
    return tmp_path


@needs_systemd
def test_units_hold(units):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", units / "sallyport.service",
         units / "sallyport.socket"], capture_output=True, text=True)
    # systemd before 253 does not know it, and takes the line before.
    complaints = [line for line in done.stderr.splitlines()
                  if str(units) in line and "notify-reload" not in line]
    assert not complaints, done.stderr


@needs_systemd
def test_the_service_is_hardened(units):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager",
         units / "sallyport.service"], capture_output=True, text=True)
    level = re.search(r"Overall exposure level for sallyport.service: ([\d.]+)", done.stdout)
    assert level and float(level[1]) <= 1.5, done.stdout + done.stderr


def test_the_settings_of_the_package_hold(tmp_path):
    run(BINARY, "keygen", tmp_path / "audit-key")
    checked = run(BINARY, "check", PACKAGING / "sallyport.yaml",
                  env={**os.environ, "CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "health" in checked.stdout and "0 warnings" in checked.stdout
    # The names in the settings are those of the units.
    service, socket = [(UNITS / f"sallyport.{kind}").read_text() for kind in ("service", "socket")]
    text = (PACKAGING / "sallyport.yaml").read_text()
    assert "LoadCredential=audit-key:" in service and "credential:audit-key" in text
    assert "FileDescriptorName=http\n" in socket and "socket: systemd:http\n" in text


@pytest.mark.parametrize("program", [BINARY, AUDIT])
def test_the_man_page_says_what_the_help_says(program):
    page = run(PACKAGING / "manual", program, "1.2.3").stdout
    commands = re.findall(r"^\.SS \"([^ \"]+)", page, re.MULTILINE)
    assert ("serve" if program is BINARY else "verify") in commands
    text = run(program, "--help").stdout
    for command in re.findall(r"^  ([a-z-]+) {2,}", text.split("SUBCOMMANDS:")[1], re.MULTILINE):
        assert command.replace("-", "\\-") in commands or command == "help", command


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_made(shell):
    assert "serve" in run(BINARY, "--generate-completion-script", shell).stdout
