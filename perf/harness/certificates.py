"""Server certificates, made with the openssl command, and what all proxies offer with them."""

import os
from dataclasses import dataclass
from pathlib import Path

from .tokens import run_openssl

NAME = "api.example.com"
KINDS = {
    "P-256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "RSA-2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
}
# What Sallyport offers without being told, so that all negotiate the same.
CIPHERS = ":".join(
    f"ECDHE-{key}-{suite}"
    for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)
SUITES = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
GROUPS = "X25519:P-256"


@dataclass
class Certificate:
    """A certificate's PEM, its key's PEM, and both in one file."""

    kind: str
    chain: Path
    key: Path
    both: Path


def make_certificate(directory: Path, kind: str) -> Certificate:
    """A self-signed certificate for `NAME` in `directory`, which is made when it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    made = Certificate(
        kind, directory / "server.crt", directory / "server.key", directory / "server.pem"
    )
    made.key.touch(mode=0o600)
    made.key.write_bytes(run_openssl("genpkey", *KINDS[kind]))
    made.chain.write_bytes(
        run_openssl(
            *("req", "-x509", "-new", "-key", str(made.key), "-days", "30", "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME}"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", "extendedKeyUsage=serverAuth"),
        )
    )
    made.both.touch(mode=0o600)
    made.both.write_bytes(made.chain.read_bytes() + made.key.read_bytes())
    return made


class SwappedCertificate:
    """Two certificates behind one symbolic link, which points at one or the other.

    The link is replaced at once, as Kubernetes does it, so that a certificate and its key never
    differ.
    """

    def __init__(self, directory: Path, kind: str) -> None:
        self.directory = directory
        self.all = [make_certificate(directory / name, kind) for name in ("a", "b")]
        self.shown = 0
        self.swaps = 0
        self.link = directory / "live"
        self.link.symlink_to("a")
        self.certificate = Certificate(
            kind, self.link / "server.crt", self.link / "server.key", self.link / "server.pem"
        )

    def swap(self) -> None:
        self.shown = 1 - self.shown
        self.swaps += 1
        fresh = self.directory / "next"
        fresh.symlink_to(("a", "b")[self.shown])
        os.replace(fresh, self.link)
