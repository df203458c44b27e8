"""``host:port`` of a file server, taken apart and put together."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from decentralml.chain.swarm.words import ADDRESS_BYTES
from decentralml.errors import EndpointInvalid

_HOST = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,120}")


def parse_endpoint(address: str) -> tuple[str, int]:
    """Host (a name, an IPv4 or an IPv6 address without its brackets) and port.

    Raises
    ------
    EndpointInvalid
    """
    if len(address.encode()) > ADDRESS_BYTES:
        raise EndpointInvalid(address[:ADDRESS_BYTES], f"longer than {ADDRESS_BYTES} bytes")
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 1 << 16:
        raise EndpointInvalid(address, "it ends with no port from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        try:
            if "%" in host:  # a zone, which means something on one machine only
                raise ValueError
            return str(IPv6Address(host[1:-1])), int(port)
        except ValueError:
            raise EndpointInvalid(address, "no IPv6 address within the brackets") from None
    if ":" in host:
        raise EndpointInvalid(address, "an IPv6 address needs brackets")
    if not _HOST.fullmatch(host):
        raise EndpointInvalid(address, "no host name and no IP address")
    return host, int(port)


def format_endpoint(host: str, port: int) -> str:
    """The other way round."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
