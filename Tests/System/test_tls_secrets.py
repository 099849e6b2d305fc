"""Where private keys lie while the process runs: in locked memory that no core dump has."""

import base64
import os
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harness.tls import V12, V13, ask, context_of
from harness.waiting import until

PAGE = os.sysconf("SC_PAGE_SIZE")
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
FORMS = {"pkcs8": serialization.PrivateFormat.PKCS8,
         "traditional": serialization.PrivateFormat.TraditionalOpenSSL}


def pieces(key) -> dict[str, bytes]:
    """What of a private key must lie nowhere else, by name: pieces of its files' text, of its DER,
    and of its numbers in both byte orders. Short ones, since what frees memory writes into it."""
    clear = serialization.NoEncryption()
    found = {}
    public = key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for form, how in FORMS.items():
        if form == "traditional" and isinstance(key, ed25519.Ed25519PrivateKey):
            continue
        for number, line in enumerate(key.private_bytes(PEM, how, clear).split(b"\n")[1:-2]):
            for part in (0, 32) if len(line) == 64 else ():
                # A certificate's text has the public part.
                if base64.b64decode(piece := line[part:part + 16]) not in public:
                    found[f"{form} text {number}.{part}"] = piece
    der = key.private_bytes(DER, FORMS["pkcs8"], clear)
    for part in range(0, len(der) - 15, 4 if len(der) < 300 else 48):
        if (piece := der[part:part + 16]) not in public:
            found[f"DER {part}"] = piece
    if isinstance(key, rsa.RSAPrivateKey):
        for name in ("d", "p", "q", "dmp1", "dmq1", "iqmp"):
            found[f"{name} in words"] = getattr(key.private_numbers(), name).to_bytes(
                256, "little")[:16]
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        found["scalar in words"] = key.private_numbers().private_value.to_bytes(
            48, "little")[:24]
    return found


def regions(pid: int) -> list[tuple[int, int, bool]]:
    """Start, end and whether it is locked, of all memory that can be written."""
    found, flags = [], None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if head := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line):
            flags = (int(head[1], 16), int(head[2], 16), head[3])
        elif line.startswith("VmFlags:") and "w" in flags[2]:
            words = line.split()[1:]
            found.append((flags[0], flags[1], "lo" in words and "dd" in words))
    return found


def resident(pages, start: int, end: int) -> list[tuple[int, int]]:
    """The parts of a region that have memory at all (`/proc/PID/pagemap`, bit 63)."""
    pages.seek(start // PAGE * 8)
    entries = pages.read((end - start) // PAGE * 8)
    found = []
    for number in range(len(entries) // 8):
        if not entries[number * 8 + 7] & 0x80:
            continue
        place = start + number * PAGE
        if found and found[-1][1] == place:
            found[-1] = (found[-1][0], place + PAGE)
        else:
            found.append((place, place + PAGE))
    return found


def places(pid: int, needles: dict[str, bytes], locked: bool) -> set[str]:
    """Which of them lie in memory that is locked, or that is not."""
    found = set()
    with (open(f"/proc/{pid}/mem", "rb", buffering=0) as memory,
          open(f"/proc/{pid}/pagemap", "rb") as pages):
        for start, end, is_locked in regions(pid):
            if is_locked != locked:
                continue
            for first, last in resident(pages, start, end):
                memory.seek(first)
                data = memory.read(last - first)
                found |= {name for name, needle in needles.items() if needle in data}
    return found


def make(pki, folder, kind: str, form):
    key = {"ec": lambda: ec.generate_private_key(ec.SECP256R1()),
           "ec384": lambda: ec.generate_private_key(ec.SECP384R1()),
           "ed25519": ed25519.Ed25519PrivateKey.generate,
           "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)}[kind]()
    identity = pki.intermediate.issue("secret", "dns:api.test", key=key).write(
        folder, f"{kind}-{form}")
    identity.key_file.write_bytes(
        key.private_bytes(PEM, FORMS[form], serialization.NoEncryption()))
    return identity


@pytest.mark.parametrize("kind, form", [
    ("ec", "pkcs8"), ("ec", "traditional"), ("ec384", "pkcs8"), ("ed25519", "pkcs8"),
    ("rsa", "pkcs8"), ("rsa", "traditional")])
def test_a_key_lies_in_locked_memory_only(make_proxy, pki, tmp_path, kind, form):
    """Also what decoding leaves behind, at the start and at a reload.

    OpenSSL computes with RSA's primes in ordinary memory once the key has signed; nothing else of
    a key may be there.
    """
    identity = make(pki, tmp_path, kind, form)
    proxy = make_proxy(listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [identity.settings]}}})
    wanted = pieces(identity.key)
    assert places(proxy.pid, wanted, locked=True), "the key is not found at all"
    assert not places(proxy.pid, wanted, locked=False)
    loaded = len(proxy.log.events("certificates_loaded"))
    new = identity.key_file.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_bytes(identity.key_file.read_bytes() + b"\n")
    os.replace(new, identity.key_file)
    until(lambda: len(proxy.log.events("certificates_loaded")) > loaded, "the reload")
    assert not places(proxy.pid, wanted, locked=False)
    for version in (V12, V13):
        for _ in range(4):
            # Python's own default leaves Ed25519 to TLS 1.3; both versions offer it.
            response, _ = ask(proxy.address, context_of(minimum=version, maximum=version))
            assert response.status == 200
    primes = {"p in words", "q in words"} if kind == "rsa" else set()
    assert places(proxy.pid, wanted, locked=False) <= primes


def test_the_memory_for_keys_is_locked(make_proxy, pki):
    proxy = make_proxy(listeners={"public": {"address": "127.0.0.1:0", "tls": {
        "certificates": [pki.ec.settings]}}})
    said = next(line for line in proxy.lines if "memory for keys" in line)
    if "can't be locked" in said:
        pytest.skip("this machine's limit of locked memory is too low")
    locked = sum(end - start for start, end, is_locked in regions(proxy.pid) if is_locked)
    assert locked >= int(re.search(r"(\d+) KiB", said)[1]) * 1024
