"""What daemons say, where there is no room to say it."""

from __future__ import annotations

import errno

import pytest

from decentralml.cli.daemons import JsonLog, TerminalLog


@pytest.mark.parametrize("log", [JsonLog(), TerminalLog()])
def test_a_full_disk_does_not_end_a_daemon_for_its_words(
    log: JsonLog | TerminalLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("click.echo", full)
    log.event("started", "worker of //Bob", key="5F")
    log.step("sealing")
    log.warn("nobody is in office")
    log.line("epoch 1")


def test_who_reads_no_more_is_not_taken_for_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def hung_up(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("click.echo", hung_up)
    with pytest.raises(BrokenPipeError):
        JsonLog().event("started", "worker of //Bob")


def test_a_daemon_that_runs_for_months_does_not_keep_its_warnings() -> None:
    log = TerminalLog()
    log.warn("nobody is in office")
    assert not log.warnings
