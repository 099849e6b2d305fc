"""429: exact across workers, with the fields that say how long to wait, and recorded."""

import re
import threading
import time

from harness.client import Client, once, request


def test_a_subject_is_limited_exactly_across_workers(proxy, tokens):
    """60 a minute, burst 5: of 60 requests over two workers exactly 5 pass (one more for each
    whole second that the run takes)."""
    token = tokens.make("limited-subject")
    ask = request(target="/limited/x", token=token)
    allowed, refused, receipts = [], [], set()
    lock = threading.Lock()
    started = time.monotonic()

    def run():
        for _ in range(5):
            with Client(proxy.address) as client:
                response = client.ask(ask)
                with lock:
                    (allowed if response.status == 200 else refused).append(response)
                    receipts.add(response.receipt.split(".")[2])

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    assert receipts == {"0", "1"}, "one worker had it all: the test shows nothing"
    assert 5 <= len(allowed) <= 5 + int(seconds) + (seconds % 1 > 0.99)
    assert {response.status for response in refused} == {429}
    assert len(allowed) + len(refused) == 60


def test_a_slow_limit_is_exact(make_proxy):
    """One a minute, burst 20, one key for the route: exactly 20 of 200, whatever the worker."""
    proxy = make_proxy()
    statuses, workers = [], set()
    lock = threading.Lock()

    def run():
        for _ in range(20):
            response = once(proxy.address, request(target="/scarce/x"))
            with lock:
                statuses.append(response.status)
                workers.add(response.receipt.split(".")[2])

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert workers == {"0", "1"}
    assert statuses.count(200) == 20 and statuses.count(429) == 180
    found = proxy.log.where(lambda record: record.core["outcome"] == "throttle", count=180)
    assert len(found) == 180
    assert {record.core["limit"]["name"] for record in found} == {"per_route"}


def test_the_fields_of_a_429(proxy, tokens, upstream):
    token = tokens.make("told-to-wait")
    with Client(proxy.address) as client:
        for _ in range(5):
            assert client.ask(request(target="/limited/x", token=token)).status == 200
        upstream.forget()
        response = client.ask(request(target="/limited/x", token=token))
    assert (response.status, response.reason) == (429, "limit.exceeded")
    assert response.get("Retry-After") == "1"
    policy = re.fullmatch(r'"per_subject";q=5;w=\d+', response.get("RateLimit-Policy"))
    assert policy, response.get("RateLimit-Policy")
    limit = re.fullmatch(r'"per_subject";r=0;t=(\d+)', response.get("RateLimit"))
    assert limit, response.get("RateLimit")
    assert upstream.seen.empty()
    record = proxy.record(response)
    assert record["outcome"] == "throttle" and record["status"] == 429
    assert record["limit"] == {"name": "per_subject", "remaining": 0, "retry_after": 1}
    assert record["subject"]["sub"] == "told-to-wait"


def test_waiting_as_told_is_enough(proxy, tokens):
    token = tokens.make("waits")
    ask = request(target="/limited/x", token=token)
    with Client(proxy.address) as client:
        while (response := client.ask(ask)).status == 200:
            pass
        end = time.monotonic() + int(response.get("Retry-After")) + 0.05
        while time.monotonic() < end:
            time.sleep(end - time.monotonic())
        assert client.ask(ask).status == 200


def test_subjects_do_not_share(proxy, tokens):
    for number in range(20):
        token = tokens.make(f"own-bucket-{number}")
        assert once(proxy.address, request(target="/limited/x", token=token)).status == 200


def test_a_new_token_of_the_same_subject_is_no_way_out(proxy, tokens):
    statuses = [
        once(proxy.address, request(target="/limited/x", token=tokens.make("many-tokens"))).status
        for _ in range(9)]
    assert 429 in statuses


def test_addresses_are_limited(make_proxy):
    proxy = make_proxy(listeners={"public": {
        "address": "127.0.0.1:0", "trusted_proxies": ["127.0.0.0/8"]}})

    def status(address):
        return once(proxy.address, request(
            target="/by-address/x", fields={"X-Forwarded-For": address})).status

    assert [status("198.51.100.1") for _ in range(4)] == [200, 200, 200, 429]
    assert status("198.51.100.2") == 200
    # One IPv6 subscriber is one /64, whatever the rest of the address says.
    assert [status(f"2001:db8::{n}") for n in range(4)] == [200, 200, 200, 429]
    assert status("2001:db8:0:1::1") == 200


def test_a_refused_token_costs_no_limit(proxy, tokens):
    for _ in range(10):
        response = once(proxy.address, request(target="/limited/x", token="a.b.c"))
        assert response.status == 401
