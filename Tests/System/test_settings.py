"""What `check` says of a settings file, and when `serve` refuses to start."""

import json

import yaml

from harness.proxy import BINARY, run


def check(proxy, text=None):
    if text is not None:
        proxy.file.write_text(text)
    return run(BINARY, "check", proxy.file, check=None)


def changed(proxy, **sections) -> str:
    return yaml.safe_dump({**proxy.config, **sections}, sort_keys=False)


def test_a_good_file(make_proxy):
    done = check(make_proxy(start=False))
    assert done.returncode == 0, done.stderr
    for name in ("health", "open", "secure", "admin", "orders"):
        assert name in done.stdout


def test_all_errors_at_once_with_their_places(make_proxy):
    proxy = make_proxy(start=False)
    text = changed(proxy, listners={}, limits={"head_time": "10 parsecs", "bodys": 1})
    done = check(proxy, text)
    assert done.returncode == 1
    said = done.stderr + done.stdout
    lines = text.splitlines()
    for word in ("listners", "bodys"):
        number = next(n for n, line in enumerate(lines, 1) if word in line)
        assert f"{proxy.file}:{number}:" in said, said
    assert "did you mean" in said and "listeners" in said
    assert "head_time" in said


def test_later_features_are_refused_by_name(make_proxy):
    proxy = make_proxy(start=False)
    done = check(proxy, changed(proxy, policies={"own": "true"}))
    assert done.returncode == 1
    assert "not supported in this version" in done.stderr + done.stdout


def test_a_route_must_say_who_may_use_it(make_proxy):
    proxy = make_proxy(start=False)
    routes = [{key: value for key, value in proxy.config["routes"][0].items() if key != "auth"}]
    done = check(proxy, changed(proxy, routes=routes))
    assert done.returncode == 1 and "auth" in done.stderr + done.stdout


def test_duplicate_keys_are_errors(make_proxy):
    proxy = make_proxy(start=False)
    done = check(proxy, proxy.file.read_text() + "\nworkers: 1\n")
    assert done.returncode == 1 and "workers" in done.stderr + done.stdout


def test_no_yaml(make_proxy):
    done = check(make_proxy(start=False), "a: [1, 2\nb: }")
    assert done.returncode == 1 and ":" in done.stderr + done.stdout


def test_serve_refuses_a_bad_file(make_proxy):
    proxy = make_proxy(start=False)
    proxy.file.write_text(changed(proxy, listners={}))
    done = run(BINARY, "serve", "--config", proxy.file, check=None)
    assert done.returncode != 0 and "listners" in done.stderr


def test_serve_refuses_without_its_log(make_proxy, tmp_path):
    """No record, no request: a log that can't be opened ends the start, clearly."""
    blocked = tmp_path / "no-folder"
    blocked.write_text("a file")
    proxy = make_proxy(start=False)
    proxy.config["audit"]["directory"] = str(blocked / "audit")
    proxy.file.write_text(yaml.safe_dump(proxy.config))
    done = run(BINARY, "serve", "--config", proxy.file, check=None)
    assert done.returncode != 0
    assert "audit log" in done.stderr and str(blocked) in done.stderr
    assert "listening on" not in done.stderr


def test_two_processes_do_not_share_a_log(make_proxy):
    proxy = make_proxy()
    done = run(BINARY, "serve", "--config", proxy.file, check=None)
    assert done.returncode != 0 and "audit log" in done.stderr


def test_a_taken_address_is_named(make_proxy, upstream):
    import socket
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        proxy = make_proxy(start=False, listeners={"public": {"address": f"127.0.0.1:{port}"}})
        done = run(BINARY, "serve", "--config", proxy.file, check=None)
        assert done.returncode != 0
        assert "public" in done.stderr and str(port) in done.stderr


def test_explain_says_what_would_happen(make_proxy, tokens, tmp_path):
    proxy = make_proxy(start=False)
    token = tmp_path / "token"
    token.write_text(tokens.make("alice", ["reader"]))
    common = ["--config", proxy.file, "--method", "GET"]
    allowed = run(BINARY, "explain", *common, "--path", "/v1/t/orders/7", "--host", "api.test",
                  "--token-file", token, check=None)
    assert "orders" in allowed.stdout and "forwarded to main" in allowed.stdout, allowed
    refused = run(BINARY, "explain", *common, "--path", "/admin/x", "--token-file", token,
                  check=None)
    assert "policy.role_missing" in refused.stdout, refused
    missing = run(BINARY, "explain", *common, "--path", "/nowhere", check=None)
    assert "policy.no_route" in missing.stdout, missing


def test_keygen_makes_a_key_that_openssl_reads(tmp_path):
    import subprocess
    done = run(BINARY, "keygen", "--help", check=None)
    assert done.returncode == 0
    key = tmp_path / "key.pem"
    for arguments in (["keygen", str(key)], ["keygen", "--out", str(key)],
                      ["keygen", "--output", str(key)]):
        if run(BINARY, *arguments, check=None).returncode == 0:
            break
    assert key.exists() and key.stat().st_mode & 0o077 == 0
    said = subprocess.run(["openssl", "pkey", "-in", key, "-noout", "-text"],
                          capture_output=True, text=True, check=True)
    assert "ED25519" in said.stdout
    assert json.dumps(said.stdout)
