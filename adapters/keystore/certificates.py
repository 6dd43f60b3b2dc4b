"""Names and certificates made here: a demo's, and a body's own until its authority's come."""

from datetime import timedelta
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from adapters.keystore.files import PrivateKey
from core import clock

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def name_of(common_name: str, agency_name: str) -> x509.Name:
    """A name in Vietnam: whose it is, and what it is for."""
    # RFC 5280 allows 64 characters in each of these names.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, agency_name[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def certificate_for(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, life: timedelta
) -> x509.CertificateBuilder:
    """A certificate that lacks its extensions and its signature, valid from yesterday on."""
    # A day of grace, so that a checker whose clock is behind does not call it not yet valid.
    start = clock.now().replace(microsecond=0) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def key_usage(*, for_certificates: bool) -> x509.KeyUsage:
    """What a key may be used for: signing certificates, or signing documents."""
    return x509.KeyUsage(
        digital_signature=not for_certificates,
        content_commitment=not for_certificates,
        key_cert_sign=for_certificates,
        crl_sign=for_certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def self_signed(key: PrivateKey, organization: str, life: timedelta) -> x509.Certificate:
    """A certificate that nobody vouches for but its own key, to sign documents with."""
    name = name_of(organization[:64], organization)
    return (
        certificate_for(name, name, key.public_key(), life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(for_certificates=False), critical=True)
        .sign(key, hashes.SHA256())
    )


def request_for(key: PrivateKey, organization: str) -> x509.CertificateSigningRequest:
    """What to send to an authority, so that it certifies the key."""
    name = name_of(organization[:64], organization)
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(key_usage(for_certificates=False), critical=True)
        .sign(key, hashes.SHA256())
    )
