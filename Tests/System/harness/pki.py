"""Authorities, certificates, revocation lists and OCSP answers, good and bad, made for one run."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests"),
                      x509.NameAttribute(NameOID.COMMON_NAME, text)])


def alternative(text: str) -> x509.GeneralName:
    kind, _, value = text.partition(":")
    if kind == "uri":
        return x509.UniformResourceIdentifier(value)
    if kind == "email":
        return x509.RFC822Name(value)
    if kind == "ip":
        return x509.IPAddress(ipaddress.ip_address(value))
    return x509.DNSName(value)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass
class Identity:
    """A certificate, its key and what leads up to an authority, as files."""

    certificate: x509.Certificate
    key: object
    chain: list[x509.Certificate] = field(default_factory=list)
    cert_file: Path = None
    key_file: Path = None

    def write(self, directory: Path, name: str) -> "Identity":
        self.cert_file, self.key_file = directory / f"{name}.pem", directory / f"{name}.key"
        self.cert_file.write_bytes(b"".join(map(pem, [self.certificate, *self.chain])))
        self.key_file.touch(mode=0o600)
        self.key_file.write_bytes(self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return self

    @property
    def settings(self) -> dict:
        return {"cert": str(self.cert_file), "key": str(self.key_file)}

    @property
    def sha256(self) -> str:
        return hashlib.sha256(
            self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


class Authority:
    def __init__(self, name: str, issuer: "Authority | None" = None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuer = issuer
        self.name = name_of(name)
        signer = issuer or self
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(signer.name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() - datetime.timedelta(days=5))
            .not_valid_after(now() + datetime.timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False,
                                         False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()),
                           critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                signer.key.public_key()), critical=False)
            .sign(signer.key, hashes.SHA256()))

    @property
    def chain(self) -> list[x509.Certificate]:
        """This authority's certificate and those above it, without the root's."""
        return [self.certificate, *self.issuer.chain] if self.issuer else []

    def issue(self, common: str, *names: str, key="ec", usage=SERVER, age: int = 1,
              days: int = 90, end: datetime.datetime | None = None) -> Identity:
        """A certificate that began `age` days ago and ends after `days` (may be negative)."""
        if key == "rsa":
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif key == "ec":
            key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder().subject_name(name_of(common)).issuer_name(self.name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() - datetime.timedelta(days=age))
            .not_valid_after(end or now() + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False,
                                         False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                           critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                self.key.public_key()), critical=False))
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(list(map(alternative, names))), critical=False)
        return Identity(builder.sign(self.key, hashes.SHA256()), key, self.chain)

    def revocations(self, *identities: Identity, age_days: int = 0, key=None) -> bytes:
        """A PEM list of what is revoked, good for a week; `key` signs one that is forged."""
        begin = now() - datetime.timedelta(hours=1, days=age_days)
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.name)
                   .last_update(begin).next_update(begin + datetime.timedelta(days=7)))
        for identity in identities:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(identity.certificate.serial_number)
                .revocation_date(now() - datetime.timedelta(hours=1)).build())
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM)


class PKI:
    """Everything below one directory; made once, since keys take time."""

    def __init__(self, directory: Path):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.root = Authority("Server Root")
        self.intermediate = Authority("Server Intermediate", self.root)
        self.client_root = Authority("Client Root")
        self.client_authority = Authority("Client Intermediate", self.client_root)
        self.strange_root = Authority("Strange Root")
        self.root_file = self._file("root.pem", pem(self.root.certificate))
        self.client_root_file = self._file("client-root.pem", pem(self.client_root.certificate))
        self.strange_root_file = self._file("strange.pem", pem(self.strange_root.certificate))

        self.rsa = self.server("rsa", "dns:api.test", "ip:127.0.0.1", key="rsa")
        self.ec = self.server("ec", "dns:api.test", "ip:127.0.0.1")
        self.wildcard = self.server("wildcard", "dns:*.wild.test")
        self.other = self.server("other", "dns:other.test")
        self.expired_server = self.server("expired-server", "dns:api.test", age=20, days=-1)

        self.spiffe = "spiffe://tests.example/ns/prod/sa/billing"
        self.client = self.client_identity(
            "client", f"uri:{self.spiffe}", "dns:billing.client.test",
            "email:billing@client.test", "ip:192.0.2.7")
        self.named_client = self.client_identity("named-client", "dns:named.client.test")
        self.bare_client = self.client_identity("bare-client")
        self.expired_client = self.client_identity("expired-client", age=20, days=-1)
        self.revoked_client = self.client_identity("revoked-client", "dns:revoked.client.test")
        self.wrong_usage_client = self.client_identity("wrong-usage", usage=SERVER)
        self.stranger = self.client_identity("stranger", by=self.strange_root)
        deep = self.client_root
        for number in range(4):
            deep = Authority(f"Deep {number}", deep)
        self.deep_client = self.client_identity("deep-client", by=deep)
        self.revocations_file = self._file("crl.pem", self.revocations(self.revoked_client))

    def server(self, name: str, *names: str, **options) -> Identity:
        return self.intermediate.issue(name, *names, **options).write(self.directory, name)

    def client_identity(self, name: str, *names: str, by=None, usage=CLIENT,
                        **options) -> Identity:
        issuer = by or self.client_authority
        return issuer.issue(name, *names, usage=usage, **options).write(self.directory, name)

    def revocations(self, *identities: Identity) -> bytes:
        """Lists of every authority in the chain of client certificates."""
        return (self.client_authority.revocations(*identities)
                + self.client_root.revocations())

    def ocsp(self, identity: Identity, days: int = 7) -> Path:
        """An answer of `openssl ocsp` that the certificate is good, in DER."""
        folder = self.directory / "ocsp"
        folder.mkdir(exist_ok=True)
        signer = Identity(self.intermediate.certificate, self.intermediate.key).write(
            folder, "signer")
        leaf = folder / "leaf.pem"
        leaf.write_bytes(pem(identity.certificate))
        end = identity.certificate.not_valid_after_utc.strftime("%y%m%d%H%M%SZ")
        index = folder / "index.txt"
        serial = f"{identity.certificate.serial_number:X}"
        serial = serial.zfill(len(serial) + len(serial) % 2)
        index.write_text(f"V\t{end}\t\t{serial}\tunknown\t/CN=x\n")
        target = self.directory / f"{identity.cert_file.stem}.ocsp"
        request = folder / "request.der"
        openssl("ocsp", "-issuer", signer.cert_file, "-cert", leaf, "-no_nonce",
                "-reqout", request)
        openssl("ocsp", "-index", index, "-rsigner", signer.cert_file,
                "-rkey", signer.key_file, "-CA", signer.cert_file, "-reqin", request,
                "-respout", target, "-ndays", days)
        return target

    def _file(self, name: str, data: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(data)
        return path


def openssl(*arguments, check: bool = True, **options) -> subprocess.CompletedProcess:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True,
                          errors="replace", timeout=30, stdin=subprocess.DEVNULL, **options)
    if check:
        assert done.returncode == 0, (done.args, done.stdout, done.stderr)
    return done
