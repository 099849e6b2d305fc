"""Keys, key sets and tokens, good and bad."""

from __future__ import annotations

import base64
import json
import time
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm


def b64(data: bytes | dict) -> str:
    if isinstance(data, dict):
        data = json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenMaker:
    """An issuer: one key per algorithm, and the set of their public halves."""

    issuer = "https://idp.test/"
    audience = "https://api.test"

    def __init__(self):
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys = {name: rsa_key for name in
                     ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")}
        self.keys["ES256"] = ec.generate_private_key(ec.SECP256R1())
        self.keys["ES384"] = ec.generate_private_key(ec.SECP384R1())
        self.keys["ES512"] = ec.generate_private_key(ec.SECP521R1())
        self.keys["EdDSA"] = ed25519.Ed25519PrivateKey.generate()
        self.stranger = ec.generate_private_key(ec.SECP256R1())

    def key_id(self, algorithm: str) -> str:
        return "rsa" if algorithm[:2] in ("RS", "PS") else algorithm.lower()

    def jwks(self) -> dict:
        keys, done = [], set()
        for name, key in self.keys.items():
            kid = self.key_id(name)
            if kid in done:
                continue
            done.add(kid)
            maker = {"R": RSAAlgorithm, "P": RSAAlgorithm}.get(
                name[0], OKPAlgorithm if name == "EdDSA" else ECAlgorithm)
            member = json.loads(maker.to_jwk(key.public_key()))
            member.pop("key_ops", None)
            keys.append({**member, "kid": kid, "use": "sig"})
        # A set may hold what we cannot use; it must not void the rest (RFC 7517 §5).
        keys.append({"kty": "AKP", "kid": "from-the-future", "pub": "AAAA"})
        return {"keys": keys}

    def claims(self, subject="alice", roles=("reader",), **changes) -> dict:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": self.audience, "sub": subject, "client_id": "cli",
            "iat": now, "nbf": now - 5, "exp": now + 600, "jti": uuid.uuid4().hex,
            "realm_access": {"roles": list(roles)},
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def make(self, subject="alice", roles=("reader",), algorithm="ES256", header=None, key=None,
             **changes) -> str:
        head = {"typ": "at+jwt", "kid": self.key_id(algorithm), **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(
            self.claims(subject, roles, **changes), key or self.keys[algorithm],
            algorithm=algorithm, headers=head)

    def sign_raw(self, header: bytes, payload: bytes, algorithm="ES256") -> str:
        """Signs exactly these bytes, be they JSON or not."""
        signed = f"{b64(header)}.{b64(payload)}"
        prepared = jwt.algorithms.get_default_algorithms()[algorithm]
        return f"{signed}.{b64(prepared.sign(signed.encode(), self.keys[algorithm]))}"
