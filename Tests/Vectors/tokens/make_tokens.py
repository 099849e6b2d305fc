#!/usr/bin/env python3
"""Makes jwks.json and tokens.txt with the openssl command, as an implementation other than ours.

Every run makes new keys, which are thrown away: only public keys and tokens are kept. A line of
tokens.txt is a name, a tab, and a token. The tokens expire at 4102444800 (2100-01-01).
"""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
CLAIMS = {
    "iss": "https://idp.example.com/",
    "aud": ["https://api.example.com", "other"],
    "sub": "alice",
    "client_id": "console",
    "iat": 1700000000,
    "exp": 4102444800,
    "jti": "token-1",
    "realm_access": {"roles": ["reader", "admin", "unlisted"]},
    "scope": "reader writer",
}
EC = {"ES256": ("P-256", 32), "ES384": ("P-384", 48), "ES512": ("P-521", 66)}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def run(*command, data=b""):
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def public_numbers(key):
    """The labelled hexadecimal blocks of `openssl pkey -text`."""
    text = run("openssl", "pkey", "-in", key, "-noout", "-text_pub").decode()
    blocks = re.findall(r"(?m)^(\w+):\n((?:    [0-9a-f:]+\n)+)", text)
    return {name.lower(): bytes.fromhex(re.sub(r"[^0-9a-f]", "", hexes)) for name, hexes in blocks}


def raw_signature(der, size):
    """R || S out of a DER SEQUENCE of two INTEGERs."""
    offset = 3 if der[1] == 0x81 else 2
    parts = []
    for _ in range(2):
        length = der[offset + 1]
        number = int.from_bytes(der[offset + 2 : offset + 2 + length], "big")
        parts.append(number.to_bytes(size, "big"))
        offset += 2 + length
    return b"".join(parts)


def sign(algorithm, key, message, salt=None):
    digest = "sha" + algorithm[2:]
    with tempfile.NamedTemporaryFile() as file:
        file.write(message)
        file.flush()
        if algorithm in ("EdDSA", "Ed25519"):
            return run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file.name)
        options = []
        if algorithm.startswith("PS"):
            options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt or -1}"]
        made = run("openssl", "dgst", f"-{digest}", "-sign", key, *options, file.name)
    return raw_signature(made, EC[algorithm][1]) if algorithm in EC else made


def token(algorithm, key, kid, salt=None, **header):
    head = {"typ": "at+jwt", "alg": algorithm, "kid": kid, **header}
    parts = [b64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, CLAIMS)]
    message = ".".join(parts)
    return message + "." + b64(sign(algorithm, key, message.encode(), salt))


def main():
    keys, tokens = [], {}
    with tempfile.TemporaryDirectory() as directory:
        def generate(name, *options):
            path = f"{directory}/{name}"
            run("openssl", "genpkey", "-out", path, *options)
            return path

        def rsa(kid, bits):
            path = generate(kid, "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}")
            modulus = run("openssl", "rsa", "-in", path, "-noout", "-modulus").decode()
            number = bytes.fromhex(modulus.strip().split("=")[1])
            keys.append({"kty": "RSA", "kid": kid, "use": "sig", "e": "AQAB", "n": b64(number)})
            return path

        path = rsa("rsa", 2048)
        for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
            tokens[algorithm] = token(algorithm, path, "rsa")
        tokens["PS256-salt-20"] = token("PS256", path, "rsa", salt=20)
        tokens["RS256-1024-bits"] = token("RS256", rsa("small", 1024), "small")
        for algorithm, (curve, size) in EC.items():
            path = generate(curve, "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")
            point = public_numbers(path)["pub"]
            keys.append({
                "kty": "EC", "kid": curve, "crv": curve, "alg": algorithm,
                "x": b64(point[1 : 1 + size]), "y": b64(point[1 + size :]),
            })
            tokens[algorithm] = token(algorithm, path, curve)
        path = generate("ed25519", "-algorithm", "ED25519")
        keys.append({
            "kty": "OKP", "crv": "Ed25519", "kid": "ed25519", "key_ops": ["verify"],
            "x": b64(public_numbers(path)["pub"]),
        })
        tokens["EdDSA"] = token("EdDSA", path, "ed25519")
        tokens["Ed25519"] = token("Ed25519", path, "ed25519")
    (HERE / "jwks.json").write_text(json.dumps({"keys": keys}, indent=1) + "\n")
    lines = [f"{name}\t{text}\n" for name, text in tokens.items()]
    (HERE / "tokens.txt").write_text("".join(lines))
    print(len(tokens), "tokens,", hashlib.sha256("".join(lines).encode()).hexdigest()[:16])


if __name__ == "__main__":
    main()
