"""handshakes.c: TLS handshakes one after another, and idle connections."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .processes import LOAD_CORE, HarnessError
from .proxies import HOST, PATH, ROOT


@dataclass
class HandshakeResult:
    handshakes: int
    resumed: int
    failures: int
    seconds: float
    failure: str


class HandshakeTool:
    """The compiled tool, and the request that its idle connections make once."""

    def __init__(self, directory: Path, token: str) -> None:
        self.binary = directory / "handshakes"
        source = ROOT / "perf" / "handshakes.c"
        subprocess.run(
            ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(self.binary), str(source)]
            + ["-lssl", "-lcrypto"],
            check=True,
            timeout=60,
        )
        self.request = directory / "request"
        self.request.write_text(
            f"GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
            "User-Agent: handshakes\r\nAccept: application/json\r\n\r\n"
        )

    def command(self, port: int, *arguments: str) -> list[str]:
        return ["taskset", "-c", str(LOAD_CORE), str(self.binary), "-p", str(port), *arguments]

    def rate_command(
        self, port: int, mode: str, version: str, seconds: float, count: int | None = None,
        connections: int = 16,
    ) -> list[str]:
        limit = [] if count is None else ["-n", str(count)]
        return self.command(
            *(port, "-m", mode, "-v", version, "-s", f"{seconds:g}", "-c", str(connections)), *limit
        )

    def rate(self, port: int, mode: str, version: str, seconds: float) -> HandshakeResult:
        """Full or resumed handshakes for so long."""
        command = self.rate_command(port, mode, version, seconds)
        ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
        return parse_result(ended.returncode, ended.stdout, ended.stderr)

    def hold(self, port: int, count: int) -> "IdleConnections":
        return IdleConnections(
            self.command(port, "-m", "hold", "-n", str(count), "-r", str(self.request), "-s", "240")
        )


def parse_result(code: int, output: str, errors: str) -> HandshakeResult:
    if code != 0:
        raise HarnessError(f"handshakes: {output}{errors}")
    return HandshakeResult(**json.loads(output))


class IdleConnections:
    """Connections that made one request each and then keep silent."""

    def __init__(self, command: list[str]) -> None:
        self.popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.popen.stdout.readline()
        if not line:
            raise HarnessError(f"handshakes ended with {self.popen.wait(10)}")
        opened = json.loads(line)
        self.held = opened["held"]
        if opened["failures"]:
            self.close()
            raise HarnessError(f"{opened['failures']} idle connections failed: {opened['failure']}")

    def close(self) -> int:
        """Ends the tool; how many connections were still open."""
        output, _ = self.popen.communicate("", timeout=60)
        return json.loads(output)["open"]
