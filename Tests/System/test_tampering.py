"""What somebody does to the files of a real log, and what the auditor's tool says to it.

Forgeries in which everything fits that needs no key are in Tests/AuditSegmentsTests; here files
are removed, cut, exchanged, rolled back and continued in two ways.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.client import Client, request
from harness.logfile import frames
from harness.proxy import audit


@dataclass
class Kept:
    """A log that ended in order, and what somebody outside has of it."""
    folder: Path
    checkpoint: Path
    receipts: list[str]
    verifier_key: str

    def verify(self, folder: Path, *arguments) -> tuple[int, dict]:
        done = audit("verify", folder, "--json", "--vkey", self.verifier_key, *arguments,
                     check=None)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)["logs"][0]


def ask(proxy, count: int) -> list[str]:
    with Client(proxy.address) as client:
        return [client.ask(request(target="/health")).receipt for _ in range(count)]


def grown(proxy, segments: int) -> list[str]:
    """Requests until the log has so many segments; their receipts."""
    receipts = []
    while len(proxy.log.segments()) < segments:
        receipts += ask(proxy, 5)
        proxy.log.where(lambda record: True, count=len(receipts))
    return receipts


@pytest.fixture
def kept(make_proxy, tmp_path) -> Kept:
    proxy = make_proxy(audit={"rotate": {"age": "1s"}})
    receipts = grown(proxy, 3)
    assert proxy.stop() == 0
    checkpoint = tmp_path / "checkpoint"
    shutil.copy(proxy.log.folder / "tlog/checkpoint", checkpoint)
    head = next(frames(proxy.log.segments()[0].read_bytes()))
    return Kept(proxy.log.folder, checkpoint, receipts, json.loads(head.clear)["vkey"])


def copy(kept: Kept, tmp_path: Path) -> Path:
    target = tmp_path / "copy" / kept.folder.name
    shutil.rmtree(target.parent, ignore_errors=True)
    shutil.copytree(kept.folder, target)
    return target


def named(report: dict) -> str:
    return "\n".join(f"{one['file']} {one['problem']}" for one in report["findings"])


# Many small verifications, on a machine that may be busy.
@pytest.mark.timeout(600)
def test_each_file_that_is_missing_is_named(kept, tmp_path):
    code, report = kept.verify(kept.folder, "--against", kept.checkpoint)
    assert (code, report["findings"]) == (0, [])
    for path in sorted(path for path in kept.folder.rglob("*") if path.is_file()):
        name = path.relative_to(kept.folder)
        if name.parts[0] not in ("segments", "tlog", "notes"):
            continue
        folder = copy(kept, tmp_path)
        (folder / name).unlink()
        code, report = kept.verify(folder)
        # The tiles that an older checkpoint needed are nobody's loss.
        is_old = ".p" in str(name) and int(name.name) < report["size"] % 256
        assert code == 1 or (is_old and code == 0), (name, report)
        if code == 1:
            assert name.parts[0] in named(report), (name, named(report))


@pytest.mark.timeout(600)
def test_a_segment_cut_anywhere_is_named(kept, tmp_path):
    segments = sorted((kept.folder / "segments").iterdir())
    size = kept.verify(kept.folder)[1]["size"]
    for position, segment in enumerate(segments):
        content = segment.read_bytes()
        for frame in frames(content):
            for end in (frame.offset, frame.offset + 40, frame.offset + len(frame.raw) - 1):
                folder = copy(kept, tmp_path)
                (folder / "segments" / segment.name).write_bytes(content[:end])
                code, report = kept.verify(folder, "--against", kept.checkpoint)
                if position + 1 == len(segments) and frame.type == 4:
                    # Only the last seal is gone: all that was signed is there.
                    assert code != 1 and report["size"] == size, report
                    assert [one["weight"] for one in report["findings"]] == ["unfinished"]
                else:
                    assert code == 1, (segment.name, frame.number, end, named(report))
                    assert report["problems"] or "segments" in named(report)


def test_segments_that_change_places_are_named(kept, tmp_path):
    names = sorted(path.name for path in (kept.folder / "segments").iterdir())
    for first, second in ((0, 1), (1, 2), (0, 2)):
        folder = copy(kept, tmp_path) / "segments"
        (folder / names[first]).rename(folder / "moved")
        (folder / names[second]).rename(folder / names[first])
        (folder / "moved").rename(folder / names[second])
        code, report = kept.verify(folder.parent)
        assert code == 1 and names[first] in named(report), named(report)


def test_an_older_copy_holds_alone_and_not_against_what_was_kept(make_proxy, tmp_path):
    """A restored backup: nothing in it tells, a checkpoint or a receipt from later does."""
    proxy = make_proxy(start=False)
    proxy.start()
    ask(proxy, 5)
    assert proxy.stop() == 0
    backup = tmp_path / "backup" / proxy.log.folder.name
    shutil.copytree(proxy.log.folder, backup)
    proxy.start()
    later = ask(proxy, 5)
    assert proxy.stop() == 0
    kept = proxy.log.folder / "tlog/checkpoint"
    audit("verify", backup)
    done = audit("verify", backup, "--against", kept, check=1)
    assert "missing" in done.stdout, done.stdout
    done = audit("verify", backup, "--receipt", later[0], check=1)
    assert "missing" in done.stdout, done.stdout


def test_two_continuations_of_one_log_contradict_each_other(make_proxy, tmp_path):
    """The folder is copied, and both go on under the same key: each holds, never both."""
    proxy = make_proxy(start=False)
    proxy.start()
    ask(proxy, 5)
    assert proxy.stop() == 0
    folder = Path(proxy.config["audit"]["directory"])
    shutil.copytree(folder, tmp_path / "before")
    branches = []
    for number in range(2):
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "before", folder)
        proxy.start()
        ask(proxy, 3 + number)
        assert proxy.stop() == 0
        branches.append(tmp_path / f"branch{number}")
        shutil.copytree(folder, branches[-1])
    for one, other in (branches, branches[::-1]):
        audit("verify", one)
        note = next(other.glob("*/tlog/checkpoint"))
        done = audit("verify", one, "--against", note, check=1)
        assert "rewritten" in done.stdout or "missing" in done.stdout, done.stdout
