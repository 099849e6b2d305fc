"""kill -9 at any moment, again and again on one log: nothing promised is lost, each loss is told.

KILLS is how often (1,000 is a long evening), KILL_SEED which moments.
"""

import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import time

import pytest
from harness.client import request
from harness.logfile import frames
from harness.proxy import BINARY, LISTENING, START, audit

KILLS = int(os.environ.get("KILLS", "10"))
SEED = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
# Rounds on one folder: verifying takes as long as the log is large.
ROUNDS = 10
BOUND_MILLISECONDS = 50
RECEIPT = re.compile(rb"(?i)\r\naudit-receipt: (\S+)\r\n")
PIPELINED = 8
MOST_ANSWERS = 600


class Life:
    """One process from its start to its kill, under load once it listens.

    It is killed `moment` seconds after its start, or after its answer number `count`.
    """

    def __init__(self, proxy, moment: float, count: int | None = None):
        self.answers: list[tuple[float, str]] = []
        self.published = b""
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", proxy.file], stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL)
        self.words = b""
        self.count = count
        self.end = time.monotonic() + (moment if count is None else START)
        self.load()
        if count is not None:
            time.sleep(moment)
        # What somebody outside may have fetched: the log has to contain it ever after.
        for path in proxy.log.directory.glob("*/tlog/checkpoint"):
            self.published = path.read_bytes()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.end or len(self.answers) >= (self.count or MOST_ANSWERS)

    def load(self) -> None:
        address = self.await_address()
        if address is None:
            assert self.count is None, f"it does not start:\n{self.words.decode()}"
            return
        with socket.create_connection(address) as connection:
            connection.settimeout(0.5)
            ask = request(target="/health") * PIPELINED
            try:
                while not self.is_over:
                    connection.sendall(ask)
                    self.read(connection)
            except OSError:
                pass

    def read(self, connection) -> None:
        seen, tail = 0, b""
        while seen < PIPELINED and not self.is_over:
            data = connection.recv(1 << 16)
            now = time.monotonic()
            if not data:
                raise OSError("closed")
            tail += data
            last = 0
            for found in RECEIPT.finditer(tail):
                self.answers.append((now, found[1].decode()))
                seen, last = seen + 1, found.end() - 2
            tail = tail[last:]

    def await_address(self):
        """Where it listens; nothing when its end came first."""
        while (left := self.end - time.monotonic()) > 0:
            if select.select([self.process.stderr], [], [], left)[0]:
                data = os.read(self.process.stderr.fileno(), 1 << 16)
                assert data, f"it ended by itself:\n{self.words.decode()}"
                self.words += data
                if found := LISTENING.search(self.words.decode(errors="replace")):
                    return found[1], int(found[2])
        return None


class Ledger:
    """What one log has promised to whom."""

    def __init__(self, proxy, place):
        self.proxy, self.place = proxy, place
        self.due: dict[str, bool] = {}
        self.published = b""

    def take(self, life: Life) -> None:
        """An answer is durable when one came that long after it: else there had been none."""
        last = max((moment for moment, _ in life.answers), default=0.0)
        for moment, receipt in life.answers:
            self.due[receipt] = moment < last - BOUND_MILLISECONDS / 1000 - 0.02
        self.published = life.published or self.published

    def verify(self, *arguments, codes=(0,)) -> dict:
        """Verifies the log as it lies there."""
        (self.place / "against").write_bytes(self.published)
        done = audit("verify", self.proxy.log.directory, "--json", "--against",
                     self.place / "against", *arguments, check=None)
        assert done.returncode in codes, done.stdout[-4000:] + done.stderr
        return json.loads(done.stdout)

    def settle(self) -> None:
        """Each answer is recorded, or told to be lost if it may be."""
        (self.place / "promised").write_text("".join(f"{one}\n" for one in self.due))
        report = self.verify("--receipts", self.place / "promised")
        for answer in report.get("receipts", []):
            state = answer["state"]
            assert state == "recorded" or state == "lost" and not self.due[answer["receipt"]], (
                answer, self.due[answer["receipt"]])


@pytest.mark.timeout(36000)
def test_a_process_killed_again_and_again_keeps_its_promises(make_proxy, tmp_path):
    dice = random.Random(SEED)
    left, answered, lives = KILLS, 0, 0
    print(f"KILL_SEED={SEED}")
    while left > 0:
        proxy = make_proxy(start=False, audit={
            "checkpoint": "100ms", "rotate": {"size": "1MiB", "age": "1s"},
            "bound": {"time": f"{BOUND_MILLISECONDS}ms", "records": 65536}})
        ledger = Ledger(proxy, proxy.directory)
        for _ in range(min(left, ROUNDS)):
            # One in four does not live to see its first request.
            if dice.random() < 0.25:
                life = Life(proxy, dice.uniform(0.0, 0.15))
            else:
                life = Life(proxy, dice.uniform(0.0, 0.03), dice.randrange(1, MOST_ANSWERS))
            ledger.take(life)
            answered += len(life.answers)
            lives += 1
            if ledger.published:
                # Torn, unsealed, its last note missing: 2 says that the end can't be told. What
                # is broken would be 1.
                ledger.verify(codes=(0, 2))
        left -= ROUNDS
        proxy.start()
        assert proxy.stop() == 0, proxy.lines
        ledger.published = ledger.published or proxy.log.folder.joinpath(
            "tlog/checkpoint").read_bytes()
        ledger.settle()
    print(f"{lives} kills, {answered} answers")
    assert answered > 0
