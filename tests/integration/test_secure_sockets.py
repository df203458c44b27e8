"""A secure sum between processes, over sockets, some of which are cut."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading

import numpy as np
import pytest
from secure_support import agreement, clients, exact_sum, updates

from decentralml.errors import ServerSilent, TooFewClients
from decentralml.learning.privacy.secure.client import Client
from decentralml.learning.privacy.secure.masks import PIECE
from decentralml.learning.privacy.secure.server import Server
from decentralml.learning.privacy.secure.sockets import serve, take_part

COUNT, THRESHOLD, SIZE = 4, 3, PIECE
PATIENCE = 30.0


def take_part_or_die(port: int, place: int, dies: bool) -> None:
    made = updates(COUNT, SIZE)
    client = clients(agreement(made, THRESHOLD), made)[place]
    with socket.create_connection(("127.0.0.1", port)) as stream:
        if dies:
            masked = client.mask
            client.mask = lambda delivery: _then_die(masked(delivery))  # type: ignore[method-assign]
        take_part(stream, client, PATIENCE)


def _then_die(pieces):  # type: ignore[no-untyped-def]
    yield next(pieces)
    os.kill(os.getpid(), signal.SIGKILL)
    yield from pieces


def test_four_processes_of_which_one_is_killed_in_the_middle_of_its_vector() -> None:
    made = updates(COUNT, SIZE)
    terms = agreement(made, THRESHOLD)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        spawn = multiprocessing.get_context("spawn")
        processes = [
            spawn.Process(target=take_part_or_die, args=(port, place, place == 1))
            for place in range(COUNT)
        ]
        for process in processes:
            process.start()
        total = serve(listener, terms, Server(terms), PATIENCE)
        for process in processes:
            process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0, -9, 0, 0]
    assert total.survivors == (0, 2, 3)
    scale = 2.0**terms.coding.fraction
    assert (total.sum("weight") * scale == exact_sum(terms, made, (0, 2, 3), "weight")).all()


def test_strangers_noise_and_silence_are_left_out() -> None:
    made = updates(COUNT)
    terms = agreement(made, THRESHOLD)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        noisy, huge = socket.create_connection(address), socket.create_connection(address)
        noisy.sendall((5).to_bytes(4, "big") + b"noise")
        huge.sendall(b"\xff" * 4)
        threads = [
            threading.Thread(target=in_thread, args=(address, client))
            for client in clients(terms, made)[:3]
        ]
        for thread in threads:
            thread.start()
        total = serve(listener, terms, Server(terms), patience=3.0)  # the fourth never comes
        for thread in threads:
            thread.join(PATIENCE)
        assert noisy.recv(1) == b""
        noisy.close()
        huge.close()
    assert total.survivors == (0, 1, 2)
    assert np.isfinite(total.mean("weight")).all()


def in_thread(address: tuple[str, int], client: Client) -> None:
    with socket.create_connection(address) as stream:
        take_part(stream, client, PATIENCE)


def test_too_few_who_come_are_told_and_so_is_the_server() -> None:
    made = updates(COUNT)
    terms = agreement(made, THRESHOLD)
    silent: list[ServerSilent] = []

    def alone(client: Client, address: tuple[str, int]) -> None:
        with socket.create_connection(address) as stream:
            try:
                take_part(stream, client, PATIENCE)
            except ServerSilent as error:
                silent.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = (clients(terms, made)[0], listener.getsockname())
        thread = threading.Thread(target=alone, args=arguments)
        thread.start()
        with pytest.raises(TooFewClients) as caught:
            serve(listener, terms, Server(terms), patience=1.0)
        thread.join(PATIENCE)
    assert (caught.value.present, caught.value.threshold) == (1, THRESHOLD)
    assert len(silent) == 1
