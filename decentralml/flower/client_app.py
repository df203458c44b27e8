"""The ClientApp of ``decentralml flower-server``: each node runs the client its operator names.

The server sends no code of its own: a node's configuration names a client that is installed there,
``flower-supernode --node-config 'client="hospital:client_fn"'``. It may be a ``ClientApp``, a
``client_fn(context)``, or an old-style ``NumPyClient`` (class or object).
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from flwr.app import Context, Message
from flwr.client import Client, NumPyClient
from flwr.clientapp import ClientApp

from decentralml.errors import ClientAppInvalid

KEY = "client"


class NodesOwn(ClientApp):
    """Hands every message to the client that the node's operator named."""

    def __call__(self, message: Message, context: Context) -> Message:
        """Raises :class:`ClientAppInvalid`."""
        return client_app(str(context.node_config.get(KEY, "")))(message, context)


def client_app(reference: str) -> ClientApp:
    """The client called ``module:name``, as a ClientApp.

    Raises
    ------
    ClientAppInvalid
    """
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise ClientAppInvalid(reference, "it names no module and no client in it")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ClientAppInvalid(reference, str(error)) from None
    return as_client_app(found, reference)


def as_client_app(client: Any, reference: str) -> ClientApp:
    """A ClientApp, a ``client_fn``, or an old-style client as a ClientApp."""
    if isinstance(client, ClientApp):
        return client
    if isinstance(client, NumPyClient | Client):
        return ClientApp(lambda context: _as_client(client))
    if inspect.isclass(client) and issubclass(client, NumPyClient | Client):
        made = client
        return ClientApp(lambda context: _as_client(made()))
    if not callable(client):
        raise ClientAppInvalid(reference, f"it is a {type(client).__name__}")
    try:
        return ClientApp(client)
    except ValueError as error:
        raise ClientAppInvalid(reference, str(error)) from None


def _as_client(client: NumPyClient | Client) -> Client:
    return client.to_client()


app = NodesOwn()
