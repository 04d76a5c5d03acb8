"""Certificates of the school's own authorities: made, written and read the same way on both sides.

The root CA, which units pin, signs issuing CAs; an issuing CA signs units, servers, the bridge and its list of revoked
certificates. Who gets one is decided elsewhere. Defined in docs/protocol/pki.md; this is the whole public surface.
"""

from protocol.pki.authorities import issue_authority, issue_issuing_authority, issue_root_authority
from protocol.pki.credential import (
    Credential,
    PkiError,
    encode_certificates,
    parse_certificates,
    parse_credential,
    parse_key,
    presented_chain,
)
from protocol.pki.digests import fingerprint, spell_fingerprint, spki_digest
from protocol.pki.ends import (
    BRIDGE_DAYS,
    BRIDGE_NAME,
    DEVICE_DAYS,
    SERVER_DAYS,
    issue_bridge,
    issue_device,
    issue_device_for,
    issue_server,
)
from protocol.pki.pkcs7 import encode_pkcs7, parse_pkcs7
from protocol.pki.requests import MAX_REQUEST_BYTES, CertificateRequest, make_request, parse_request
from protocol.pki.revocation import CRL_DAYS, Revoked, issue_crl, parse_crls
from protocol.pki.trust import verify_client, verify_server

__all__ = [
    "BRIDGE_DAYS",
    "BRIDGE_NAME",
    "CRL_DAYS",
    "DEVICE_DAYS",
    "MAX_REQUEST_BYTES",
    "SERVER_DAYS",
    "CertificateRequest",
    "Credential",
    "PkiError",
    "Revoked",
    "encode_certificates",
    "encode_pkcs7",
    "fingerprint",
    "issue_authority",
    "issue_bridge",
    "issue_crl",
    "issue_device",
    "issue_device_for",
    "issue_issuing_authority",
    "issue_root_authority",
    "issue_server",
    "make_request",
    "parse_certificates",
    "parse_credential",
    "parse_crls",
    "parse_key",
    "parse_pkcs7",
    "parse_request",
    "presented_chain",
    "spell_fingerprint",
    "spki_digest",
    "verify_client",
    "verify_server",
]
