"""A Flower federation whose results are paid through the marketplace.

Each round is a task. The server's side (:class:`TaskRounds`) posts one whose base model is what
the round begins from; its number travels with the message. A client's side (:class:`PaidApp`)
takes a slot before it trains and sends what it has trained as its result: the aggregators judge it
on their own data, and it is paid from escrow like any other. Flower merges at once what clients
say; what is paid, and what ``federate`` merges, the committee decides.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, MessageType
from flwr.clientapp import ClientApp

from decentralml.bundles.manifest import MODEL_FILE, STRUCTURE_FILE
from decentralml.bundles.pack import OUTCOME_FILE
from decentralml.chain.errors import AlreadySubmitted
from decentralml.errors import NotTheTasksModel
from decentralml.flower.replies import MARKET, TASK, Array, arrays_of, said
from decentralml.learning.examples import tensors_of, write_tensors
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.creator import create_task
from decentralml.market.creating.offer import Offer
from decentralml.market.exchange.fetch import fetch_task
from decentralml.market.session import Session, open_session
from decentralml.types import TaskId


class TaskRounds:
    """Posts a task for each round of a federation.

    Parameters
    ----------
    session : the creator's.
    bundle : folder of the task, as ``create-task`` takes it.
    offer : its terms; its base model is replaced by each round's.
    structure : folder of a saved model of the same structure.
    work : folder for the rounds' models: the same one finds the same tasks again.
    """

    def __init__(
        self, session: Session, bundle: Path, offer: Offer, structure: Path, work: Path
    ) -> None:
        self.session, self.bundle, self.offer = session, bundle, offer
        self.structure, self.work = structure, work
        self.tasks: dict[int, TaskId] = {}

    def __call__(self, number: int, arrays: Mapping[str, Array]) -> TaskId:
        """The task of a round. Raises what ``create_task`` does."""
        model = self.work / f"round-{number}"
        write_tensors(model / MODEL_FILE, arrays)
        (model / STRUCTURE_FILE).write_bytes((self.structure / STRUCTURE_FILE).read_bytes())
        parent = self.tasks.get(number - 1)
        offer = replace(self.offer, base_model=model, parent=parent)
        self.tasks[number] = create_task(self.session, self.bundle, offer).task
        return self.tasks[number]


class PaidApp(ClientApp):
    """A client that is paid for what it trains: it accepts, trains, sends.

    Messages that name no task go to the client as they are.

    Parameters
    ----------
    client : the ClientApp that trains; one made of an old-style client serves, too.
    sessions : opens the contributor's session; by default that of the settings.
    """

    def __init__(self, client: ClientApp, sessions: Callable[[], Session] = open_session) -> None:
        super().__init__()
        self.client, self.sessions = client, sessions

    def __call__(self, message: Message, context: Context) -> Message:
        """Raises NotTheTasksModel, and what accepting and sending raise."""
        task = _task_of(message)
        if task is None:
            return self.client(message, context)
        with self.sessions() as session:
            slot = accept_task(session, task)
            bundle = fetch_task(session, session.chain.task(task))
            assert bundle.base_model is not None, "contributors' tasks have one"
            base = tensors_of(bundle.base_model / MODEL_FILE)
            sent = _sent(message)
            if not _same(sent, base):
                raise NotTheTasksModel(task)
            reply = self.client(message, context)
            if reply.has_error():
                return reply
            one = said(reply)
            trained = arrays_of(reply, one.name, sent)
            with tempfile.TemporaryDirectory() as space:
                folder = Path(space)
                write_tensors(folder / MODEL_FILE, trained)
                structure = (bundle.base_model / STRUCTURE_FILE).read_bytes()
                (folder / STRUCTURE_FILE).write_bytes(structure)
                outcome = {"examples": int(one.examples), "metrics": dict(one.metrics)}
                (folder / OUTCOME_FILE).write_text(json.dumps(outcome))
                with suppress(AlreadySubmitted):  # The message came twice.
                    send_results(session, task, folder)
            words = ConfigRecord(
                {TASK: int(task), "submission": slot.index, "contributor": session.address}
            )
        reply.content[MARKET] = words
        return reply


def _task_of(message: Message) -> TaskId | None:
    if message.metadata.message_type != MessageType.TRAIN:
        return None
    for record in message.content.config_records.values():
        number = record.get(TASK)
        if isinstance(number, int):
            return TaskId(number)
    return None


def _sent(message: Message) -> dict[str, Array]:
    """The model in a message, by name."""
    record = next(iter(message.content.array_records.values()))
    return {name: array.numpy() for name, array in record.items()}


def _same(sent: Mapping[str, Array], base: Mapping[str, Array]) -> bool:
    return set(sent) == set(base) and all(
        sent[name].shape == base[name].shape and sent[name].tobytes() == base[name].tobytes()
        for name in base
    )
