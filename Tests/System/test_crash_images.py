"""Every folder that a crash may leave behind, tried: the next start has to make the best of it.

A real run is recorded system call by system call (harness/crash.py). For a crash behind each of
them, folders are built as a file system may leave them, and a proxy is started on each: it has to
start, to keep every frame that was durable and every checkpoint that was published, to account
for each request that was answered, and to leave a log that holds.

CRASH_IMAGES is how many folders are tried (0: all that are listed), CRASH_SEED which.
"""

import json
import os
import random
import shutil
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.client import Client, request
from harness.crash import Crash, Recording, tracer
from harness.logfile import Log, crc32c, frames
from harness.proxy import Proxy, audit

IMAGES = int(os.environ.get("CRASH_IMAGES", "40"))
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
AT_ONCE = 2
# What is written into each folder.
SMALL = {"disk": {"reserve": "1MiB"}}
# Failures that are printed; their folders all stay, beside the test's own.
SHOWN = 5


class Trial:
    """A recorded run, and what is to become of each crash of it."""

    def __init__(self, proxy: Proxy, directory: Path):
        self.proxy = proxy
        self.directory = directory
        self.audit = Path(proxy.config["audit"]["directory"])
        self.verifier_key = ""
        # Receipts of answers from before the recording.
        self.promised: list[str] = []
        self.free: list[Proxy] = []
        self.is_strict = False
        # What the disk answers during the recording (harness/crash.py).
        self.faults: tuple[str, ...] = ()
        self.lock = threading.Lock()

    def record(self, run=lambda: []) -> Recording:
        """Traces the proxy from its start to the end of `run`."""
        trace = self.directory / "trace"
        base = None
        if self.audit.exists():
            base = self.directory / "base"
            shutil.rmtree(base, ignore_errors=True)
            # The sockets of a process that was killed are nothing of the log's.
            shutil.copytree(self.audit, base, ignore=lambda folder, names: [
                name for name in names if (Path(folder) / name).is_socket()])
        else:
            self.audit.mkdir()
        trace.unlink(missing_ok=True)
        self.proxy.watcher = tracer(trace, self.faults)
        self.proxy.start()
        run()
        if self.proxy.process.poll() is None:
            assert self.proxy.stop() == 0, self.proxy.lines
        self.await_end(trace)
        segment = self.proxy.log.segments()[0].read_bytes()
        self.verifier_key = json.loads(next(frames(segment)).clear)["vkey"]
        return Recording(self.audit, trace, base)

    def await_end(self, trace: Path) -> None:
        """strace writes on when the process has ended already."""
        mark, end = f"{self.proxy.pid} ", time.monotonic() + 20
        while True:
            last = [line for line in trace.read_text().splitlines() if line.startswith(mark)][-1]
            if "+++ " in last:
                return
            assert time.monotonic() < end, last
            time.sleep(0.02)

    def try_all(self, recording: Recording, share: int = 1) -> int:
        """Tries listed and other states of all crashes, as many as asked for."""
        dice = random.Random(SEED)
        choices = []
        for count in range(len(recording.operations) + 1):
            crash = Crash(recording, count)
            choices += [(count, state) for state in crash.states()]
            choices += [(count, crash.chance(dice)) for _ in range(4 * (len(crash.pending) > 1))]
        unique = list({repr(one): one for one in choices}.values())
        wanted = max(1, IMAGES // share) if IMAGES else len(unique)
        picked = dice.sample(unique, min(wanted, len(unique)))
        print(f"{len(recording.operations)} operations, {len(unique)} states, "
              f"{len(picked)} tried, CRASH_SEED={SEED}")
        building = threading.Lock()

        def attempt(choice):
            count, state = choice
            with self.proxy_at_hand() as proxy:
                image = Path(proxy.config["audit"]["directory"])
                with building:
                    # Building an image replays the operations on the one recording.
                    crash = Crash(recording, count)
                    durable = crash.durable()
                    crash.build(state, image)
                try:
                    self.judge(crash, proxy, durable)
                except Exception as error:
                    with building:
                        crash.build(state, self.directory / f"failed{count}")
                    done = [f"{index}: {describe(one)}" for index, one in enumerate(crash.done)]
                    return (f"CRASH_SEED={SEED} behind operation {count}, of pending "
                            f"{crash.pending} there are {state}\n" + "\n".join(done[-16:])
                            + f"\n{error}")
            return None

        with ThreadPoolExecutor(AT_ONCE) as pool:
            failures = [failure for failure in pool.map(attempt, picked) if failure]
        assert not failures, (f"{len(failures)} of {len(picked)} images\n"
                              + "\n\n".join(failures[:SHOWN]))
        return len(picked)

    def proxy_at_hand(self):
        with self.lock:
            if self.free:
                return Borrowed(self, self.free.pop())
            place = self.directory / f"image{threading.get_ident()}"
            place.mkdir()
            config = json.loads(json.dumps(self.proxy.config))
            config["audit"]["directory"] = str(place / "audit")
            return Borrowed(self, Proxy(place, config))

    def judge(self, crash: Crash, proxy: Proxy, durable: dict[str, bytes]) -> None:
        image = Path(proxy.config["audit"]["directory"])
        proxy.start()
        assert proxy.stop() == 0, proxy.lines
        log = proxy.log.folder
        answered = self.promised + crash.receipts("answer")
        if log.name not in {Path(path).parts[0] for path in durable}:
            # Nothing of a log that was not even begun can have been promised.
            assert not answered, "a log was begun again that had answered"
            return
        kept = {frame.raw for path in log.glob("segments/*.alog")
                for frame in frames(path.read_bytes())}
        for path, content in durable.items():
            if path.endswith(".alog"):
                for frame in own_frames(path, content):
                    assert frame.raw in kept, f"frame {frame.number} of {path} was durable"
        arguments = ["--vkey", self.verifier_key, "--json"]
        published = f"{log.name}/tlog/checkpoint"
        if published in durable:
            against = image.parent / "against"
            against.write_bytes(durable[published])
            arguments += ["--against", against]
        if self.is_strict:
            answered = list(dict.fromkeys(answered + crash.receipts("forward")))
        if answered:
            promised = image.parent / "promised"
            promised.write_text("\n".join(answered) + "\n")
            arguments += ["--receipts", promised]
        done = audit("verify", image, *arguments, check=None)
        report = json.loads(done.stdout)
        self.judge_keys(log)
        self.judge_strictly(crash, report.get("receipts", []))
        heavy = [finding for one in report["logs"] for finding in one["findings"]
                 if finding["weight"] != "notice"]
        assert done.returncode == 0 and not heavy, (heavy, done.stdout[-3000:], done.stderr)


    def judge_strictly(self, crash: Crash, answers: list[dict]) -> None:
        """What was forwarded has its decision, what was answered has its end: for strict routes."""
        if not self.is_strict:
            return
        found = {answer["receipt"]: answer for answer in answers}
        for receipt in crash.receipts("forward"):
            assert found[receipt]["state"] == "recorded", ("forwarded", found[receipt])
        for receipt in crash.receipts("answer"):
            answer = found[receipt]
            assert answer["state"] == "recorded", ("answered", answer)
            assert answer["kind"] != "decision" or "completion" in answer, ("answered", answer)

    def judge_keys(self, log: Path) -> None:
        """Each sealed record that is there has its key."""
        keys = {row[:8].hex() for path in log.glob("keyring/*.keys")
                for row in rows(path.read_bytes())}
        for record in Log(log.parent).records():
            if "sealed" in record.subject:
                assert record.subject["subject_key"] in keys, (record.subject, keys)


class Borrowed:
    """A proxy with a folder of its own, for as long as it is needed."""

    def __init__(self, trial: Trial, proxy: Proxy):
        self.trial, self.proxy = trial, proxy

    def __enter__(self) -> Proxy:
        return self.proxy

    def __exit__(self, *_):
        if self.proxy.process is not None and self.proxy.process.poll() is None:
            self.proxy.kill()
        with self.trial.lock:
            self.trial.free.append(self.proxy)


def describe(one) -> str:
    more = f" {len(one.data)} bytes at {one.offset}" if one.kind == "write" else ""
    to = f" to {one.other[1]}" if one.other else ""
    return f"{one.kind} {one.name}{to}{more} {one.receipt}"


def own_frames(path: str, content: bytes):
    """The whole frames that follow each other: behind them a file may hold what it held before.

    The rest of one that is torn may be zeros, where the file was filled with them.
    """
    number = int(Path(path).stem)
    for frame in frames(content):
        end = 64 + sum(struct.unpack_from(">II", frame.raw, 16))
        body = frame.raw[:24] + bytes(4) + frame.raw[28:end]
        if frame.number != number or crc32c(body) != int.from_bytes(frame.raw[24:28], "big"):
            return
        yield frame
        number += 1


def rows(keyring: bytes):
    """The rows of a keyring's file that are whole (docs/audit-log-format.md, section 8)."""
    for start in range(32, len(keyring) - 95, 96):
        row = keyring[start:start + 96]
        if row[48:80] != bytes(32) and crc32c(row[:92]) == int.from_bytes(row[92:], "big"):
            yield row


def load(proxy: Proxy, count: int):
    """`count` requests, some of them together in one batch and some alone; their receipts."""
    def run() -> list[str]:
        receipts = []
        with Client(proxy.address) as client:
            for number in range(count):
                receipts.append(client.ask(request(target=f"/open/{number}")).receipt)
                if number % 6 == 5:
                    # Longer than the writer's pause, so that batches come apart.
                    threading.Event().wait(0.12)
        return receipts
    return run


@pytest.fixture
def trial(make_proxy, tmp_path):
    proxy = make_proxy(start=False, audit=SMALL | {"rotate": {"age": "1s"}})
    return Trial(proxy, tmp_path)


def together(proxy: Proxy, clients: int, count: int):
    """`count` requests of each of several clients at the same time."""
    def run() -> list[str]:
        with ThreadPoolExecutor(clients) as pool:
            return sum(pool.map(lambda _: load(proxy, count)(), range(clients)), [])
    return run


@pytest.mark.timeout(3600)
def test_no_crash_takes_the_record_of_what_a_strict_route_let_through(make_proxy, tmp_path):
    """Its decision was durable before the upstream had it, its end before the client did."""
    proxy = make_proxy(start=False, audit=SMALL | {"mode": "strict", "rotate": {"age": "1s"}})
    trial = Trial(proxy, tmp_path)
    trial.is_strict = True
    recording = trial.record(together(proxy, 3, 8))
    kinds = [one.kind for one in recording.operations]
    assert kinds.count("forward") == kinds.count("answer") == 24, kinds
    assert trial.try_all(recording) > 0


@pytest.mark.timeout(3600)
def test_any_crash_of_a_new_log_is_survived(trial):
    """From the first folder that is made to the seal, with segments, tiles and notes between."""
    recording = trial.record(load(trial.proxy, 60))
    moved = [one for one in recording.operations if one.kind == "rename" and one.name == "next"]
    assert moved, "\n".join(describe(one) for one in recording.operations)
    assert trial.try_all(recording) > 0


@pytest.mark.timeout(3600)
def test_no_crash_leaves_a_sealed_record_without_its_key(make_proxy, tmp_path, tokens):
    """What a subject's key is made from is durable before the first record that it seals."""
    proxy = make_proxy(start=False, audit=SMALL | {"privacy": {"subject": "sealed"}})

    def run() -> list[str]:
        receipts = []
        for number in range(12):
            with Client(proxy.address) as client:
                receipts.append(client.ask(request(
                    target="/secure/x", token=tokens.make(f"subject-{number // 2}"))).receipt)
            if number % 4 == 3:
                threading.Event().wait(0.12)
        return receipts

    trial = Trial(proxy, tmp_path)
    recording = trial.record(run)
    assert any("sealed" in record.subject for record in proxy.log.records())
    assert trial.try_all(recording) > 0


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", ["fdatasync:error=EIO:when=7", "pwrite64:error=ENOSPC:when=20"])
def test_any_crash_behind_a_fault_of_the_disk_is_survived(trial, fault):
    """The disk refuses a frame once; the log goes on in another file."""
    trial.faults = (fault,)
    recording = trial.record(load(trial.proxy, 24))
    assert trial.try_all(recording, share=2) > 0


@pytest.mark.timeout(3600)
def test_any_crash_of_a_recovery_is_survived(trial, tmp_path):
    """A process is killed within a frame; the recovery is what is interrupted then."""
    trial.proxy.start()
    trial.promised = load(trial.proxy, 20)()
    assert trial.proxy.stop() == 0
    trial.proxy.start()
    trial.promised += load(trial.proxy, 12)()
    trial.proxy.kill()
    segment = trial.proxy.log.segments()[-1]
    content = segment.read_bytes()
    last = list(own_frames(segment.name, content))[-1]
    torn = bytearray(last.raw[:len(last.raw) // 2])
    struct.pack_into(">Q", torn, 8, last.number + 1)
    # Behind it are the zeros that the file was filled with.
    segment.write_bytes(content[:last.offset + len(last.raw)] + torn + bytes(4096))
    assert trial.try_all(trial.record()) > 0


@pytest.mark.timeout(3600)
def test_any_crash_of_the_recovery_of_a_crash_is_survived(trial):
    """Twice in a row: in the first moments of a log, and anywhere later."""
    recording = trial.record(load(trial.proxy, 12))
    dice = random.Random(SEED)
    head = next(index for index, one in enumerate(recording.operations)
                if one.kind == "sync" and not one.inode.is_folder)
    count = len(recording.operations)
    for moment in (dice.randrange(head - 1, head + 1), dice.randrange(count // 3, count)):
        crash = Crash(recording, moment)
        state = dice.choice(crash.states())
        print(f"first crash behind operation {moment}: {state} of {crash.pending}")
        crash.build(state, trial.audit)
        trial.promised = crash.receipts("answer")
        assert trial.try_all(trial.record(), share=2) > 0
