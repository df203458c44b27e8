"""Every error that the runtime can answer with is an exception of its own name."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from chain_support import shipped_runtime

from decentralml.chain import errors
from decentralml.chain.errors import assets
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.errors import dispatch_error, invalid, invalid_named
from decentralml.chain.substrate.metadata import Variants
from decentralml.errors import CallRefused, ChainError

RUNTIME = shipped_runtime()
CLASSES = [
    error
    for family in CallRefused.__subclasses__()
    if family.home
    for error in family.__subclasses__()
    if error.__module__.startswith(errors.__name__)
]


def names(pallet: str) -> set[str]:
    found = RUNTIME.pallet(pallet).error
    assert found is not None
    return {case.name for case in RUNTIME.variants(found)}


def kind(path: str) -> Variants:
    return next(
        each for each in RUNTIME.metadata.types if isinstance(each, Variants) and each.path == path
    )


@pytest.mark.parametrize("pallet", ["Market", "Aggregators", "Swarm"])
def test_every_error_of_our_pallets_has_a_class_and_no_class_is_left_over(pallet: str) -> None:
    assert errors.explicit(pallet) == names(pallet)


@pytest.mark.parametrize("pallet", ["Elections", "Balances", "Assets", "AssetsHolder"])
def test_the_classes_of_library_pallets_are_of_errors_that_exist(pallet: str) -> None:
    assert errors.explicit(pallet) <= names(pallet)


@pytest.mark.parametrize(
    ("family", "path"),
    [
        ("Token", "sp_runtime::TokenError"),
        ("Arithmetic", "sp_arithmetic::ArithmeticError"),
    ],
)
def test_the_classes_of_the_runtimes_own_errors_are_of_errors_that_exist(
    family: str, path: str
) -> None:
    assert errors.explicit(family) <= {case.name for case in kind(path).variants}


def test_each_case_of_a_dispatch_error_arrives_by_its_name() -> None:
    for case in kind("sp_runtime::DispatchError").variants:
        if case.name == "Module":
            continue
        inner = kind_of(case.fields[0].type) if case.fields else None
        for each in inner.variants if inner else (None,):
            value = Variant(each.name) if each else None
            error = dispatch_error(RUNTIME, Variant(case.name, value), signer="5Ann")
            assert type(error).__name__ == (each.name if each else case.name)
            assert isinstance(error, CallRefused)


def kind_of(type_id: int) -> Variants:
    found = RUNTIME.metadata.types[type_id]
    assert isinstance(found, Variants)
    return found


def test_each_error_of_each_pallet_arrives_by_its_name_with_the_runtimes_words() -> None:
    for pallet in RUNTIME.metadata.pallets.values():
        for case in RUNTIME.variants(pallet.error) if pallet.error is not None else ():
            wire = {"index": pallet.number, "error": bytes((case.number, 0, 0, 0))}
            error = dispatch_error(RUNTIME, Variant("Module", wire), task=1, index=2, signer="5A")
            assert type(error).__name__ == case.name
            assert (error.pallet, error.name) == (pallet.name, case.name)
            assert error.docs == RUNTIME.metadata.text(case.docs)
            assert str(error)


def test_a_class_made_for_an_error_is_made_once_and_belongs_to_its_pallet() -> None:
    first = errors.refusal("Elections", "InvalidRenouncing", "wrong")
    second = errors.refusal("Elections", "InvalidRenouncing", "wrong")
    assert type(first) is type(second)
    assert isinstance(first, errors.ElectionsRefused)
    assert type(errors.refusal("Assets", "Frozen", "")) is assets.Frozen
    assert type(errors.refusal("Token", "Frozen", "")) is errors.Frozen is not assets.Frozen


def test_an_error_of_a_runtime_to_come_still_has_a_name() -> None:
    wire = {"index": 250, "error": bytes((3, 0, 0, 0))}
    error = dispatch_error(RUNTIME, Variant("Module", wire))
    assert (error.pallet, error.name) == ("Pallet250", "Error3")


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_a_message_uses_only_what_calls_name_and_says_what_to_do(error: type[CallRefused]) -> None:
    fields = {name for _, name, _, _ in Formatter().parse(error.message) if name}
    told = set(error.foreseen().words())
    named = {"task", "index", "signer", "parent", "asset", "swarm", "round", "who"}
    assert fields <= named | told
    assert re.search(r"[;,:] ", error.message), "no remedy"
    assert "(task)" not in str(error("P", error.__name__, task=1, index=2, signer="5A", parent=3))
    assert isinstance(error("P", error.__name__), ChainError)


def test_facts_are_kept_for_programs() -> None:
    error = errors.refusal("Market", "TaskFull", "Every slot", task=7, signer="5A", fee=9)
    assert isinstance(error, errors.TaskFull)
    assert error.facts() == {
        "pallet": "Market",
        "name": "TaskFull",
        "docs": "Every slot",
        "task": 7,
        "signer": "5A",
        "fee": 9,
    }
    assert "task 7" in str(error)


@pytest.mark.parametrize(
    ("encoded", "sentence", "reason"),
    [
        (b"\0\1", "Inability to pay some fees (e.g. account balance too low)", "Payment"),
        (b"\0\2", "Transaction will be valid in the future", "Future"),
        (b"\0\3", "Transaction is outdated", "Stale"),
        (b"\0\4", "Transaction has a bad signature", "BadProof"),
        (b"\0\5", "Transaction has an ancient birth block", "AncientBirthBlock"),
        (b"\0\6", "Transaction would exhaust the block limits", "ExhaustsResources"),
        (b"\1\0", "Could not lookup information required to validate", "CannotLookup"),
    ],
)
def test_an_invalid_transaction_has_one_reason_as_bytes_and_as_a_sentence(
    encoded: bytes, sentence: str, reason: str
) -> None:
    assert invalid(encoded).reason == reason
    assert invalid_named(f"Invalid Transaction: {sentence}").reason == reason
    assert str(invalid(encoded)) == str(invalid_named(sentence))


def test_an_invalid_transaction_that_nobody_knows_is_still_told() -> None:
    assert invalid(b"\0\7\x2a").reason == "Custom"
    assert "42" in str(invalid(b"\0\7\x2a"))
    assert invalid(b"\0\xc8").reason == "Reason200"
    assert invalid(b"").reason == "Unreadable"
    assert "new words" in str(invalid_named("new words"))


def test_numbers_are_told_where_they_are_known() -> None:
    bare = errors.FundsUnavailable.foreseen(signer="bob")
    assert str(bare).startswith("bob has too little for this; ")
    short = bare.with_facts(needed=25 * 10**11, free=0, locked=10**12, block=7)
    assert "(it takes 2.5; 0 are free, 1 of it locked by a vote)" in str(short)
    assert (type(short), short.signer, short.block) == (type(bare), "bob", 7)  # type: ignore[attr-defined]
    low = errors.ReputationTooLow.foreseen(task=3, signer="bob", least=900_000, given=512_345)
    assert "(at least 90.00%; it is 51.23%)" in str(low)
