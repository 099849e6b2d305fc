"""Makes the certificates of this folder again, under a new key. `python3 make.py`, PyPI's cryptography."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

FOLDER = Path(__file__).parent
KEY = ec.derive_private_key(7, ec.SECP256R1())
ISSUER = x509.Name([
    x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
    x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Zürich Tests"),
    x509.NameAttribute(NameOID.COMMON_NAME, "Test CA"),
])


def make(name: str, subject: x509.Name, *names: x509.GeneralName) -> None:
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(ISSUER)
        .public_key(KEY.public_key()).serial_number(1)
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(2036, 1, 1)))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(KEY, hashes.SHA256())
    (FOLDER / f"{name}.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))


def common(text: str, kind=_ASN1Type.UTF8String) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, _type=kind)])


make("every-kind", x509.Name([
    x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
    x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bücher, Söhne + Co"),
    x509.NameAttribute(NameOID.COMMON_NAME, "#client \\ \"one\""),
]), x509.DirectoryName(common("left out")),
    x509.UniformResourceIdentifier("spiffe://example.org/ns/prod/sa/billing"),
    x509.DNSName("Billing.example.org"), x509.DNSName("*.billing.example.org"),
    x509.RFC822Name("billing@example.org"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
    x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
    x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")))
make("no-subject", x509.Name([]), x509.UniformResourceIdentifier("spiffe://example.org/x"))
make("no-names", common("only a subject"))
make("two-values", x509.Name([
    x509.RelativeDistinguishedName([
        x509.NameAttribute(NameOID.COMMON_NAME, "both"),
        x509.NameAttribute(NameOID.USER_ID, "u1")]),
    x509.RelativeDistinguishedName([
        x509.NameAttribute(x509.ObjectIdentifier("1.2.3.4.5"), "other")])]))
make("wide-text", common("Grüße €", _ASN1Type.BMPString))
make("zero-in-subject", common("good.test\0.evil.test"), x509.DNSName("good.test"))
make("zero-in-wide-subject", common("good\0evil", _ASN1Type.BMPString))
make("backslash-zeros", common("a\\00b"))
make("hostile-names", common("hostile"),
     x509.DNSName("good.test\0.evil.test"), x509.UniformResourceIdentifier("spiffe://a\n/b"),
     x509.RFC822Name("a\x7f@b.test"), x509.DNSName(""), x509.DNSName("last.test"))
make("many-names", common("many"),
     *[x509.DNSName(f"host-{number:04}.long-name-of-a-zone.example.org")
       for number in range(300)], x509.DNSName("s"))
make("long-subject", x509.Name([
    x509.NameAttribute(x509.ObjectIdentifier("2.5.4.11"), "u" * 60) for _ in range(140)]),
    x509.DNSName("short.test"))
