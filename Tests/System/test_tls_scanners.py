"""What testssl.sh and sslscan find."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

# What testssl.sh finds above "low" and why that is not the proxy's.
NOT_OURS = {
    "cert_chain_of_trust": "the authority is a test's own and in no store",
    "cert_revocation": "a test's authority has neither a list nor a responder to name",
    "engine_problem": "testssl.sh misses a GOST engine of its own openssl",
    "security_headers": "X-Frame-Options and its kind are for the pages of an application",
}
FINE = {"OK", "INFO", "LOW", "DEBUG"}
# Checks that testssl.sh may give up ("WARN"), and what looks at the same instead.
MAY_GIVE_UP = {
    "sessionresumption_ticket": "its s_client reads no input, so it leaves as soon as the handshake"
    " is done, often before TLS 1.3's tickets come; test_tls_resumption.py asks openssl itself",
}


def run_testssl(address, target) -> list[dict]:
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    assert program, "testssl.sh is not installed"
    done = subprocess.run(
        [program, "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none",
         "--jsonfile", target, "--openssl", shutil.which("openssl"),
         "--protocols", "--std", "--fs", "--server-preference", "--server-defaults",
         "--vulnerable", "--headers", f"{address[0]}:{address[1]}"],
        capture_output=True, text=True, timeout=200)
    assert target.exists(), done.stdout + done.stderr
    return json.loads(target.read_text())


def above_low(findings) -> dict:
    return {finding["id"]: finding for finding in findings if finding["severity"] not in FINE
            and finding["id"].partition(" ")[0] not in NOT_OURS
            and not (finding["severity"] == "WARN" and finding["id"] in MAY_GIVE_UP)}


@pytest.mark.timeout(450)
def test_testssl_finds_nothing_above_low(tls_proxy, tmp_path):
    address = tls_proxy.addresses["secure"]
    findings = run_testssl(address, tmp_path / "findings.json")
    bad = above_low(findings)
    if bad:
        # On a slow machine it gives up on a connection and warns: what is so stays so.
        findings = run_testssl(address, tmp_path / "again.json")
        bad = {name: found for name, found in above_low(findings).items() if name in bad}
    assert not bad, bad
    # It did look.
    by_name = {finding["id"].partition(" ")[0]: finding for finding in findings}
    for name, said in {
            "SSLv2": "not offered", "SSLv3": "not offered", "TLS1": "not offered",
            "TLS1_1": "not offered", "TLS1_2": "offered", "TLS1_3": "offered",
            "ALPN": "http/1.1", "PFS": "offered", "cipher_order": "server",
            "secure_renego": "supported", "fallback_SCSV": "no protocol below TLS 1.2",
            "cert_numbers": "2", "OCSP_stapling": "offered", "HSTS_time": "365 days"}.items():
        assert by_name[name]["finding"].startswith(said), by_name[name]
    for name in ("cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW",
                 "heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_client_renego",
                 "CRIME_TLS", "BREACH", "POODLE_SSL", "SWEET32", "FREAK", "DROWN", "LOGJAM",
                 "BEAST", "LUCKY13", "RC4"):
        assert by_name[name]["severity"] == "OK", by_name[name]


def test_sslscan_sees_only_what_is_meant(tls_proxy, pki):
    address = tls_proxy.addresses["secure"]
    done = subprocess.run(
        ["sslscan", "--no-colour", "--xml=-", "--sni-name=api.test",
         f"{address[0]}:{address[1]}"], capture_output=True, text=True, timeout=120)
    root = ElementTree.fromstring(done.stdout)
    versions = {(item.get("type"), item.get("version")): item.get("enabled")
                for item in root.iter("protocol")}
    assert {key for key, on in versions.items() if on == "1"} == {("tls", "1.2"), ("tls", "1.3")}
    ciphers = {(item.get("sslversion"), item.get("cipher")) for item in root.iter("cipher")}
    assert ciphers == {("TLSv1.3", name) for name in (
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")} | {
        ("TLSv1.2", f"ECDHE-{key}-{rest}") for key in ("ECDSA", "RSA") for rest in (
            "AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}
    groups = {item.get("name").partition(" ")[0] for item in root.iter("group")}
    assert groups == {"x25519", "secp256r1"}, groups
    # An sslscan that can't compress says nothing of it.
    assert all(item.get("supported") == "0" for item in root.iter("compression"))
    assert all(item.get("vulnerable") == "0" for item in root.iter("heartbleed"))
