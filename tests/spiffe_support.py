"""A SPIFFE Workload API on a Unix socket: the real protocol, with certificates made here."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from spiffe._proto import workload_pb2, workload_pb2_grpc

SPIFFE_ID = "spiffe://hospital.example/swarm/node"


class Authority:
    """Signs certificates of one trust domain."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hospital.example")])
        self.certificate = self._sign(self.name, self.key, is_authority=True)

    def svid(self) -> tuple[bytes, bytes]:
        """A fresh certificate and key, DER."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.Name([]), key, is_authority=False)
        private = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return certificate.public_bytes(serialization.Encoding.DER), private

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        signs = not is_authority
        usage = x509.KeyUsage(
            signs, False, False, False, False, is_authority, is_authority, False, False
        )
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        uri = "spiffe://hospital.example" if is_authority else SPIFFE_ID
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]),
                critical=not is_authority,
            )
        )
        if not is_authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
        return builder.sign(self.key, hashes.SHA256())


class WorkloadApi(workload_pb2_grpc.SpiffeWorkloadAPIServicer):
    """Hands out one certificate, and the next at :meth:`rotate`.

    Parameters
    ----------
    refuses : it knows no such workload, as SPIRE's agent says before one is registered.
    """

    def __init__(self, socket: Path, *, refuses: bool = False) -> None:
        self.authority = Authority()
        self._refuses = refuses
        self._next: queue.SimpleQueue[tuple[bytes, bytes] | None] = queue.SimpleQueue()
        self._server = grpc.server(ThreadPoolExecutor(4))
        workload_pb2_grpc.add_SpiffeWorkloadAPIServicer_to_server(self, self._server)
        self._server.add_insecure_port(f"unix:{socket}")
        self._server.start()

    def rotate(self) -> bytes:
        """Hand out a new certificate; it is returned (DER)."""
        svid = self.authority.svid()
        self._next.put(svid)
        return svid[0]

    def confuse(self) -> None:
        """Hand out a certificate with the key of another."""
        self._next.put((self.authority.svid()[0], self.authority.svid()[1]))

    def __enter__(self) -> WorkloadApi:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._next.put(None)
        self._server.stop(None).wait()

    def FetchX509SVID(self, request: Any, context: Any) -> Iterator[Any]:
        metadata = dict(context.invocation_metadata())
        if metadata.get("workload.spiffe.io") != "true":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing")
        if self._refuses:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
        bundle = self.authority.certificate.public_bytes(serialization.Encoding.DER)
        while (svid := self._next.get()) is not None:
            certificate, key = svid
            yield workload_pb2.X509SVIDResponse(
                svids=[
                    workload_pb2.X509SVID(
                        spiffe_id=SPIFFE_ID,
                        x509_svid=certificate,
                        x509_svid_key=key,
                        bundle=bundle,
                    )
                ]
            )
