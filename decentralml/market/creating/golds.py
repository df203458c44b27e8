"""Golds: results that a creator plants to catch a committee that does not look.

What is planted is known beforehand: who will send it, and what an honest committee will find. That
stands in a small file of the creator's; the task's terms hold only its commitment, among decoys.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Sequence
from pathlib import Path

from decentralml.bundles.fields import Fields
from decentralml.chain import ss58
from decentralml.chain.commitment import SALT_BYTES, gold_commitment, new_salt
from decentralml.errors import (
    AddressInvalid,
    DestinationExists,
    GoldFileInvalid,
    ManifestError,
    TermsInvalid,
)
from decentralml.market.creating.offer import GOLDS
from decentralml.service.files import write_atomically
from decentralml.types import PPM, Address, Gold, Verdict

MAX_GOLD_FILE = 4096


def write_gold(file: Path, contributor: Address, verdict: Verdict, low: int, high: int) -> Gold:
    """Write down what is known of a result that will be planted.

    Parameters
    ----------
    contributor : the account that will send it.
    verdict : what an honest committee will find: Pass or Fail.
    low, high : the least and the highest score that agree with it, parts per million.

    Raises
    ------
    TermsInvalid, DestinationExists
    """
    if not 0 <= low <= high <= PPM:
        raise TermsInvalid("the scores of a gold go from the lower to the higher, within 0 to 1")
    if file.exists():
        raise DestinationExists(str(file))
    gold = Gold(contributor, verdict, low, high, new_salt())
    text = (
        "# A planted result: keep this to yourself until `decentralml open-gold` shows it.\n"
        f'contributor = "{gold.contributor}"\n'
        f'verdict = "{gold.verdict}"\n'
        f"low = {gold.low}\n"
        f"high = {gold.high}\n"
        f'salt = "0x{gold.salt.hex()}"\n'
    )
    write_atomically(file, text.encode())
    return gold


def read_gold(file: Path) -> Gold:
    """Read a file of :func:`write_gold`. Raises GoldFileInvalid."""
    try:
        with file.open("rb") as stream:
            document = tomllib.loads(stream.read(MAX_GOLD_FILE).decode("utf-8"))
        fields = Fields(file.name, "", document)
        gold = Gold(
            ss58.encode(ss58.decode(fields.text("contributor", 64))),
            fields.choice("verdict", Verdict),
            fields.integer("low", 0, PPM),
            fields.integer("high", 0, PPM),
            bytes.fromhex(fields.hexadecimal("salt", SALT_BYTES)[2:]),
        )
        fields.end()
        if gold.verdict not in (Verdict.PASS, Verdict.FAIL):
            raise GoldFileInvalid(file, "the verdict of a gold is Pass or Fail")
    except FileNotFoundError:
        raise GoldFileInvalid(file, "it is not there") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GoldFileInvalid(file, f"it is not valid TOML ({error})") from None
    except ManifestError as error:
        raise GoldFileInvalid(file, error.reason) from None
    except AddressInvalid as error:
        raise GoldFileInvalid(file, f"contributor: {error}") from None
    return gold


def commitments(golds: Sequence[Gold]) -> tuple[bytes, ...]:
    """What a task shows of its golds: their commitments among decoys, always as many.

    So no committee can tell a task with golds from one without.
    """
    shown = [gold_commitment(gold) for gold in golds]
    shown += [secrets.token_bytes(32) for _ in range(GOLDS - len(shown))]
    return tuple(sorted(shown))
