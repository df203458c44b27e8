"""Who made a result: an sr25519 signature over its manifest's digest.

What is signed is ``"decentralml/result-signature@1" ‖ 0x00 ‖ SHA-256(manifest.json)``: the name in
front keeps the signature from meaning anything else anywhere else. The manifest holds the digest
of every file, the chain's genesis hash and the task, so a signature serves one result only.
"""

from __future__ import annotations

import hashlib

from decentralml.bundles.fields import Fields, parse_json
from decentralml.bundles.manifest import SIGNATURE_FILE, canonical_json
from decentralml.chain.keys import Signer, verify
from decentralml.chain.ss58 import decode
from decentralml.errors import AddressInvalid, SignatureInvalid
from decentralml.types import Address

DOMAIN = b"decentralml/result-signature@1\0"
SCHEME = "sr25519"
SIGNATURE_BYTES = 64
MAX_SIGNATURE_FILE = 4096


def digest(manifest: bytes) -> bytes:
    """SHA-256 of ``manifest.json``'s bytes: what the chain holds of a result."""
    return hashlib.sha256(manifest).digest()


def sign(manifest: bytes, signer: Signer) -> bytes:
    """The bytes of ``signature.json`` for these bytes of ``manifest.json``."""
    signature = signer.sign(DOMAIN + digest(manifest))
    return canonical_json(
        {"scheme": SCHEME, "signer": signer.address, "signature": "0x" + signature.hex()}
    )


def check(manifest: bytes, signature: bytes, contributor: Address) -> None:
    """Refuse a signature that is not this contributor's over this manifest.

    Parameters
    ----------
    manifest, signature : bytes of ``manifest.json`` and ``signature.json``.
    contributor : who must have signed.

    Raises
    ------
    ManifestError : the file is malformed.
    SignatureInvalid
    """
    fields = Fields(SIGNATURE_FILE, "", parse_json(signature, SIGNATURE_FILE, MAX_SIGNATURE_FILE))
    fields.constant("scheme", SCHEME)
    signer = fields.text("signer", 64)
    value = bytes.fromhex(fields.hexadecimal("signature", SIGNATURE_BYTES)[2:])
    fields.end()
    try:
        public_key = decode(contributor)
        same = decode(signer) == public_key
    except AddressInvalid as error:
        raise SignatureInvalid(SIGNATURE_FILE, str(error)) from None
    if not same:
        raise SignatureInvalid(SIGNATURE_FILE, f"signed by {signer}, not by {contributor}")
    if not verify(public_key, DOMAIN + digest(manifest), value):
        raise SignatureInvalid(SIGNATURE_FILE, f"the signature is not {contributor}'s")
