"""Keys, a JWKS and a token, made with the openssl command only."""

import base64
import json
import re
import subprocess
import time
from pathlib import Path

ISSUER = "https://idp.example.com/"
AUDIENCE = "https://api.example.com"
SUBJECT = "alice@example.com"


def run_openssl(*arguments: str, text: bytes = b"") -> bytes:
    return subprocess.run(
        ["openssl", *arguments], input=text, check=True, capture_output=True, timeout=60
    ).stdout


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenKeys:
    """An RSA-2048 key pair on disk: its private and public PEM and its JWKS."""

    def __init__(self, directory: Path) -> None:
        self.private = directory / "token-key.pem"
        self.public = directory / "token-key.pub.pem"
        self.key_set = directory / "jwks.json"
        self.private.write_bytes(
            run_openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        )
        self.public.write_bytes(run_openssl("pkey", "-in", str(self.private), "-pubout"))
        modulus_line = run_openssl("rsa", "-in", str(self.private), "-noout", "-modulus").decode()
        modulus = re.sub(r"^Modulus=", "", modulus_line.strip())
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": "perf-1",
            "n": base64url(bytes.fromhex(modulus)),
            "e": "AQAB",
        }
        self.key_set.write_text(json.dumps({"keys": [key]}))

    def token(self, lifetime_seconds: int = 3600) -> str:
        """An RFC 9068 access token of about the size that identity providers issue."""
        now = int(time.time())
        header = {"alg": "RS256", "typ": "at+jwt", "kid": "perf-1"}
        claims = {
            "iss": ISSUER,
            "sub": SUBJECT,
            "aud": AUDIENCE,
            "exp": now + lifetime_seconds,
            "iat": now,
            "nbf": now,
            "jti": "4c1d9f52-6a0e-4f9b-9a53-0f8f6f0f7c1e",
            "client_id": "perf-client",
            "scope": "orders:read",
            "roles": ["reader"],
        }
        parts = [base64url(json.dumps(p, separators=(",", ":")).encode()) for p in (header, claims)]
        signed = ".".join(parts).encode()
        signature = run_openssl("dgst", "-sha256", "-sign", str(self.private), text=signed)
        return f"{signed.decode()}.{base64url(signature)}"


def write_audit_key(path: Path) -> None:
    """An Ed25519 key in PKCS #8, readable by its owner only."""
    path.touch(mode=0o600)
    path.write_bytes(run_openssl("genpkey", "-algorithm", "ED25519"))
