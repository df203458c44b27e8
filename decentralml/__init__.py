"""DecentralML: a marketplace for machine learning that a blockchain coordinates.

The commands of ``decentralml`` are functions here, of the same names. Each takes a
:class:`Session` (which home, chain, store and key), and errors are subclasses of
:class:`DecentralMLError`::

    import decentralml as dml

    with dml.open_session(key="hospital", passphrase="…") as session:
        offer = dml.Offer(reward=40 * dml.UNIT, fee=2 * dml.UNIT, results=3)
        created = dml.create_task(session, Path("assets/model_contributor"), offer)
        print(dml.list_task_results(session, created.task))

Everything is imported when it is first asked for: ``import decentralml`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decentralml.db.filters import TaskFilter as TaskFilter
    from decentralml.errors import DecentralMLError as DecentralMLError
    from decentralml.market.contributor import abandon_task as abandon_task
    from decentralml.market.contributor import accept_task as accept_task
    from decentralml.market.creator import create_task as create_task
    from decentralml.market.deciding import accept_task_results as accept_task_results
    from decentralml.market.deciding import appeal as appeal
    from decentralml.market.deciding import reject_task_results as reject_task_results
    from decentralml.market.explain import explain as explain
    from decentralml.market.explain import explain_task as explain_task
    from decentralml.market.federation import federate as federate
    from decentralml.market.indexing import find_tasks as find_tasks
    from decentralml.market.labels import merge_labels as merge_labels
    from decentralml.market.lineage import get_model as get_model
    from decentralml.market.lineage import list_models as list_models
    from decentralml.market.lineage import model_lineage as model_lineage
    from decentralml.market.models import evaluate_model as evaluate_model
    from decentralml.market.models import train_model as train_model
    from decentralml.market.offer import Offer as Offer
    from decentralml.market.receipts import verify_receipt as verify_receipt
    from decentralml.market.receipts import write_receipt as write_receipt
    from decentralml.market.review import validate_task_results as validate_task_results
    from decentralml.market.rounds import advance_run as advance_run
    from decentralml.market.rounds import train_federated as train_federated
    from decentralml.market.running import run_task as run_task
    from decentralml.market.runplan import RunPlan as RunPlan
    from decentralml.market.sending import send_results as send_results
    from decentralml.market.session import Session as Session
    from decentralml.market.session import open_session as open_session
    from decentralml.market.show import show_task as show_task
    from decentralml.market.tasks import list_task_results as list_task_results
    from decentralml.market.tasks import list_tasks as list_tasks
    from decentralml.market.tasks import settle as settle
    from decentralml.market.tasks import withdraw_task as withdraw_task
    from decentralml.market.tokens import transfer as transfer
    from decentralml.types import UNIT as UNIT

__version__ = "0.1.0"

_HOMES = {
    "decentralml.errors": ("DecentralMLError",),
    "decentralml.types": ("UNIT",),
    "decentralml.db.filters": ("TaskFilter",),
    "decentralml.market.session": ("Session", "open_session"),
    "decentralml.market.offer": ("Offer",),
    "decentralml.market.creator": ("create_task",),
    "decentralml.market.contributor": ("accept_task", "abandon_task"),
    "decentralml.market.sending": ("send_results",),
    "decentralml.market.deciding": ("accept_task_results", "reject_task_results", "appeal"),
    "decentralml.market.rounds": ("train_federated", "advance_run"),
    "decentralml.market.runplan": ("RunPlan",),
    "decentralml.market.running": ("run_task",),
    "decentralml.market.review": ("validate_task_results",),
    "decentralml.market.explain": ("explain", "explain_task"),
    "decentralml.market.receipts": ("write_receipt", "verify_receipt"),
    "decentralml.market.federation": ("federate",),
    "decentralml.market.indexing": ("find_tasks",),
    "decentralml.market.lineage": ("list_models", "get_model", "model_lineage"),
    "decentralml.market.labels": ("merge_labels",),
    "decentralml.market.models": ("train_model", "evaluate_model"),
    "decentralml.market.show": ("show_task",),
    "decentralml.market.tasks": ("list_tasks", "list_task_results", "settle", "withdraw_task"),
    "decentralml.market.tokens": ("transfer",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
