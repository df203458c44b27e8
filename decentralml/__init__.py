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
    from decentralml.market.contributing.contributor import abandon_task as abandon_task
    from decentralml.market.contributing.contributor import accept_task as accept_task
    from decentralml.market.contributing.running import run_task as run_task
    from decentralml.market.contributing.sending import send_results as send_results
    from decentralml.market.creating.creator import create_task as create_task
    from decentralml.market.creating.deciding import accept_task_results as accept_task_results
    from decentralml.market.creating.deciding import appeal as appeal
    from decentralml.market.creating.deciding import reject_task_results as reject_task_results
    from decentralml.market.creating.offer import Offer as Offer
    from decentralml.market.explaining.explain import explain as explain
    from decentralml.market.explaining.explain import explain_task as explain_task
    from decentralml.market.explaining.receipts import verify_receipt as verify_receipt
    from decentralml.market.explaining.receipts import write_receipt as write_receipt
    from decentralml.market.indexing import find_tasks as find_tasks
    from decentralml.market.judging.review import validate_task_results as validate_task_results
    from decentralml.market.merging.federation import federate as federate
    from decentralml.market.merging.labels import merge_labels as merge_labels
    from decentralml.market.merging.lineage import get_model as get_model
    from decentralml.market.merging.lineage import list_models as list_models
    from decentralml.market.merging.lineage import model_lineage as model_lineage
    from decentralml.market.merging.models import evaluate_model as evaluate_model
    from decentralml.market.merging.models import train_model as train_model
    from decentralml.market.rounds.plan import RunPlan as RunPlan
    from decentralml.market.rounds.run import advance_run as advance_run
    from decentralml.market.rounds.run import train_federated as train_federated
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
    "decentralml.market.creating.offer": ("Offer",),
    "decentralml.market.creating.creator": ("create_task",),
    "decentralml.market.contributing.contributor": ("accept_task", "abandon_task"),
    "decentralml.market.contributing.sending": ("send_results",),
    "decentralml.market.creating.deciding": (
        "accept_task_results",
        "reject_task_results",
        "appeal",
    ),
    "decentralml.market.rounds.run": ("train_federated", "advance_run"),
    "decentralml.market.rounds.plan": ("RunPlan",),
    "decentralml.market.contributing.running": ("run_task",),
    "decentralml.market.judging.review": ("validate_task_results",),
    "decentralml.market.explaining.explain": ("explain", "explain_task"),
    "decentralml.market.explaining.receipts": ("write_receipt", "verify_receipt"),
    "decentralml.market.merging.federation": ("federate",),
    "decentralml.market.indexing": ("find_tasks",),
    "decentralml.market.merging.lineage": ("list_models", "get_model", "model_lineage"),
    "decentralml.market.merging.labels": ("merge_labels",),
    "decentralml.market.merging.models": ("train_model", "evaluate_model"),
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
