"""Makes the certificates, keys, revocation lists and OCSP responses beside it (see README.md)."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = pathlib.Path(__file__).parent
BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
END = datetime.datetime(2126, 1, 1, tzinfo=datetime.timezone.utc)
OLD = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
SERVER = [ExtendedKeyUsageOID.SERVER_AUTH]
CLIENT = [ExtendedKeyUsageOID.CLIENT_AUTH]


class Made:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def p256():
    return ec.generate_private_key(ec.SECP256R1())


def make(common, key, issuer=None, names=None, usage=None, authority=False, begin=BEGIN, end=END):
    subject = name(common)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    signer = issuer.key if issuer else key
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Made(builder.sign(signer, digest), key)


def write(file, data):
    (FOLDER / file).write_bytes(data)


def write_key(file, key, encoding=serialization.PrivateFormat.PKCS8, passphrase=None):
    protection = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    write(file, key.private_bytes(serialization.Encoding.PEM, encoding, protection))


def write_pair(file, made, *others):
    write(file + ".pem", b"".join([made.pem()] + [other.pem() for other in others]))
    write_key(file + ".key", made.key)


def dns(*names):
    return [x509.DNSName(each) for each in names]


def revocations(issuer, revoked, end=END):
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(OLD)
        .next_update(end)
    )
    for each in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(each.certificate.serial_number)
            .revocation_date(BEGIN)
            .build()
        )
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def answer(made, issuer, status=ocsp.OCSPCertStatus.GOOD, end=END):
    revoked = status == ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=made.certificate, issuer=issuer.certificate, algorithm=hashes.SHA256(),
        cert_status=status, this_update=BEGIN, next_update=end,
        revocation_time=BEGIN if revoked else None, revocation_reason=None,
    ).responder_id(ocsp.OCSPResponderEncoding.NAME, issuer.certificate)
    made = builder.sign(issuer.key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


root = make("Test root", p256(), authority=True)
other = make("Other root", p256(), authority=True)
middle = make("Test middle", p256(), issuer=root, authority=True)
weak = make("Weak root", rsa.generate_private_key(65537, 1024), authority=True)
for file, authority in [("root", root), ("other-root", other), ("middle", middle)]:
    write(file + ".pem", authority.pem())

big = rsa.generate_private_key(65537, 2048)
server_rsa = make("rsa", big, root, dns("www.example.test", "*.example.test"), SERVER)
server_ecdsa = make("ecdsa", p256(), root, dns("WWW.example.test"), SERVER)
write_pair("server-rsa", server_rsa)
write_pair("server-ecdsa", server_ecdsa, root)
write_pair(
    "server-p384",
    make("p384", ec.generate_private_key(ec.SECP384R1()), root, dns("api.other.test"), SERVER))
write_pair(
    "server-ed25519",
    make("ed25519", ed25519.Ed25519PrivateKey.generate(), root, dns("www.example.test"), SERVER))
write_pair("server-common-name", make("cn.example.test", p256(), root, usage=SERVER))
write_pair(
    "server-address",
    make(
        "address.example.test", p256(), root,
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))], SERVER))
write_pair(
    "server-expired",
    make("old", p256(), root, dns("old.example.test"), SERVER, begin=OLD, end=BEGIN))
write_pair("server-p521", make("p521", ec.generate_private_key(ec.SECP521R1()), root))
write_pair("server-rsa1024", make("rsa1024", rsa.generate_private_key(65537, 1024), root))
write_pair("server-under-weak", make("under weak", p256(), weak, dns("weak.test")), weak)

write_pair("client-good", make("good", p256(), root, usage=CLIENT))
write_pair("client-p384", make("p384", ec.generate_private_key(ec.SECP384R1()), root, usage=CLIENT))
write_pair("client-deep", make("deep", p256(), middle, usage=CLIENT), middle)
write_pair("client-untrusted", make("untrusted", p256(), other, usage=CLIENT))
write_pair("client-expired", make("expired", p256(), root, usage=CLIENT, begin=OLD, end=BEGIN))
write_pair("client-unsuitable", make("unsuitable", p256(), root, usage=SERVER))
revoked = make("revoked", p256(), root, usage=CLIENT)
write_pair("client-revoked", revoked)

write("revocations.pem", revocations(root, [revoked]))
write("revocations-none.pem", revocations(root, []))
write("revocations-old.pem", revocations(root, [revoked], end=BEGIN))

write("ocsp-good.der", answer(server_ecdsa, root))
write("ocsp-other.der", answer(server_rsa, root))
write("ocsp-revoked.der", answer(server_ecdsa, root, ocsp.OCSPCertStatus.REVOKED))
write("ocsp-unknown.der", answer(server_ecdsa, root, ocsp.OCSPCertStatus.UNKNOWN))
write("ocsp-endless.der", answer(server_ecdsa, root, end=None))
forged = bytearray(answer(server_ecdsa, root))
forged[-1] ^= 1
write("ocsp-forged.der", bytes(forged))
write(
    "ocsp-unsuccessful.der",
    ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    .public_bytes(serialization.Encoding.DER))

traditional = serialization.PrivateFormat.TraditionalOpenSSL
write_key("encrypted.key", server_ecdsa.key, passphrase=b"test")
write_key("encrypted-old.key", server_ecdsa.key, traditional, b"test")
write_key("traditional.key", server_ecdsa.key, traditional)
