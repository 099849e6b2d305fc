"""kill -9 under load, then a restart: what was answered earlier than the bound is there."""

import json
import threading
import time

from harness.client import Client, once, request
from harness.logfile import frames
from harness.proxy import audit

BOUND = 0.3


def under_load(proxy, seconds: float, clients: int = 4):
    """Answers received until the process was killed: (moment, receipt)."""
    answers, lock = [], threading.Lock()
    stop = threading.Event()

    def run():
        try:
            with Client(proxy.address) as client:
                while not stop.is_set():
                    response = client.ask(request(target="/open/load"))
                    with lock:
                        answers.append((time.monotonic(), response.receipt))
        except Exception:  # noqa: BLE001 the process was killed: that is the point
            pass

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    proxy.kill()
    stop.set()
    for thread in threads:
        thread.join()
    return answers


def test_kill_under_load_loses_nothing_older_than_the_bound(make_proxy, upstream):
    proxy = make_proxy()
    proxy.stop()
    proxy.config["audit"]["bound"] = {"time": f"{int(BOUND * 1000)}ms", "records": 65536}
    import yaml
    proxy.file.write_text(yaml.safe_dump(proxy.config, sort_keys=False))
    for round_number in range(2):
        proxy.start()
        answers = under_load(proxy, 1.2)
        assert len(answers) > 100, len(answers)
        proxy.start()
        after = once(proxy.address, request(target="/health"))
        proxy.record(after)
        assert proxy.stop() == 0, proxy.lines
        done = audit("verify", proxy.log.directory, check=None)
        assert done.returncode == 0, done.stdout + done.stderr

        recorded = set()
        for record in proxy.log.requests():
            core = record.core
            recorded.add((core["boot"], core["worker"], core["seq"]))
        gaps = [record.core.get("gap", record.core) for record in proxy.log.records()
                if record.kind == "gap"]
        missing = []
        # The promise: while a record older than the bound is not durable, nothing is answered.
        # A little is added for the clients' own clocks, which run in one Python process.
        last = max(moment for moment, _ in answers)
        for moment, receipt in answers:
            _, boot, worker, sequence = receipt.split(".")
            if (boot, int(worker), int(sequence)) in recorded:
                continue
            assert moment > last - BOUND - 0.1, (
                f"{receipt} was answered {last - moment} s before the last answer")
            missing.append(receipt)
        # Every number that is missing lies inside a gap leaf of its boot and worker.
        for receipt in missing:
            _, boot, worker, sequence = receipt.split(".")
            assert any(
                gap["boot"] == boot and gap["worker"] == int(worker)
                and gap["from"] <= int(sequence) <= gap.get("to", int(sequence))
                for gap in gaps), (receipt, gaps)
        print(f"round {round_number}: {len(answers)} answered, {len(missing)} not yet durable")


def test_a_torn_tail_is_kept_and_recorded(make_proxy):
    proxy = make_proxy()
    response = once(proxy.address, request(target="/health"))
    proxy.record(response)
    time_of_kill = len(proxy.log.records())
    proxy.kill()
    segment = proxy.log.segments()[-1]
    whole = list(frames(segment.read_bytes()))[-1]
    end = whole.offset + len(whole.raw)
    with open(segment, "r+b") as file:
        file.seek(end)
        file.write(b"ALF1\x02" + b"torn frame" * 20)
    proxy.start()
    again = once(proxy.address, request(target="/health"))
    assert proxy.record(again)["boot"] != response.receipt.split(".")[1]
    assert proxy.stop() == 0
    assert list(proxy.log.folder.glob("segments/*.torn")), "what was torn is kept"
    events = [json.dumps(record.core) for record in proxy.log.records()
              if record.kind == "lifecycle"]
    assert any("torn" in event for event in events)
    assert len(proxy.log.records()) > time_of_kill
    assert proxy.record(response)["status"] == 200
    assert audit("verify", proxy.log.directory, check=None).returncode == 0


def test_damaged_tiles_are_made_again(make_proxy):
    proxy = make_proxy()
    for _ in range(10):
        once(proxy.address, request(target="/health"))
    assert proxy.stop() == 0
    tile = next(path for path in sorted((proxy.log.folder / "tlog/tile/0").rglob("*"))
                if path.is_file())
    tile.write_bytes(b"\0" * tile.stat().st_size)
    assert audit("verify", proxy.log.directory, check=None).returncode != 0
    proxy.start()
    assert proxy.stop() == 0
    assert audit("verify", proxy.log.directory, check=None).returncode == 0


def test_restarts_go_on_with_the_same_log(make_proxy):
    proxy = make_proxy()
    first = once(proxy.address, request(target="/health")).receipt.split(".")
    assert proxy.stop() == 0
    proxy.start()
    second = once(proxy.address, request(target="/health")).receipt.split(".")
    assert proxy.stop() == 0
    assert first[0] == second[0] and first[1] != second[1]
    assert len(proxy.log.segments()) == 2
    assert audit("verify", proxy.log.directory, check=None).returncode == 0
