"""substrate-interface, as it is, against a served chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rpc_support import copy_of, genesis_file, open_chain, served
from substrateinterface import Keypair, SubstrateInterface
from substrateinterface.exceptions import SubstrateRequestException

UNIT = 10**12
ALICE, BOB = (Keypair.create_from_uri(f"//{name}") for name in ("Alice", "Bob"))
NOBODY = Keypair.create_from_uri("//Nobody")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("substrate-interface")
    return copy_of(genesis_file(folder), folder)


@pytest.fixture(scope="module")
def substrate(file: Path) -> Iterator[SubstrateInterface]:
    with served(file) as url:
        client = SubstrateInterface(url=url)
        yield client
        client.close()


def send(substrate: SubstrateInterface, call: Any, signer: Keypair = ALICE, **options: Any) -> Any:
    extrinsic = substrate.create_signed_extrinsic(call, signer, **options)
    return substrate.submit_extrinsic(extrinsic, wait_for_inclusion=True)


def transfer(substrate: SubstrateInterface, to: Keypair, value: int) -> Any:
    arguments = {"dest": to.ss58_address, "value": value}
    return substrate.compose_call("Balances", "transfer_keep_alive", arguments)


def free(substrate: SubstrateInterface, who: Keypair, at: str | None = None) -> int:
    found = substrate.query("System", "Account", [who.ss58_address], block_hash=at)
    return int(found.value["data"]["free"])


def test_it_connects_and_reads_what_the_chain_is(substrate: SubstrateInterface, file: Path) -> None:
    assert substrate.name == "decentralml-devchain"
    assert substrate.chain == "DecentralML Development"
    assert substrate.properties["ss58Format"] == 42
    assert substrate.token_symbol == "DML"
    assert substrate.token_decimals == 12
    substrate.init_runtime()
    with open_chain(file) as chain:
        assert substrate.runtime_version == chain.runtime_version.spec_version
    pallets = {pallet.name for pallet in substrate.get_metadata().pallets}
    assert {"System", "Balances", "Assets", "Elections", "Market", "Aggregators"} <= pallets


def test_storage_maps_are_listed_in_pages(substrate: SubstrateInterface, file: Path) -> None:
    listed = [
        account.value
        for account, _ in substrate.query_map("System", "Account", page_size=3, max_results=1000)
    ]
    assert len(set(listed)) == len(listed) >= 6
    assert ALICE.ss58_address in listed
    with open_chain(file) as chain:
        prefix = bytes.fromhex(substrate.generate_storage_hash("System", "Account")[2:])
        assert len(chain.keys(prefix, 1000)) == len(listed)


def test_a_transfer_is_included_and_what_it_did_can_be_read(
    substrate: SubstrateInterface,
) -> None:
    alice, bob = free(substrate, ALICE), free(substrate, BOB)
    call = transfer(substrate, BOB, 5 * UNIT)
    price = substrate.get_payment_info(call, ALICE)["partialFee"]
    receipt = send(substrate, call, era={"period": 64}, tip=1234)
    assert receipt.is_success
    names = [event.value["event_id"] for event in receipt.triggered_events]
    assert {"Transfer", "TransactionFeePaid", "ExtrinsicSuccess"} <= set(names)
    assert free(substrate, BOB) == bob + 5 * UNIT
    # The quote is for a transaction with other signature and era bytes, so of another length.
    assert receipt.total_fee_amount == pytest.approx(price + 1234, rel=0.01)
    assert free(substrate, ALICE) == alice - 5 * UNIT - receipt.total_fee_amount
    block = substrate.get_block(receipt.block_hash)
    assert len(block["extrinsics"]) == 2
    parent = block["header"]["parentHash"]
    assert free(substrate, BOB, parent) == bob


def test_a_call_that_fails_is_included_and_says_so(substrate: SubstrateInterface) -> None:
    arguments = {"dest": BOB.ss58_address, "value": 2**100}
    call = substrate.compose_call("Balances", "transfer_allow_death", arguments)
    receipt = send(substrate, call)
    assert not receipt.is_success
    names = [event.value["event_id"] for event in receipt.triggered_events]
    assert "ExtrinsicFailed" in names
    arguments = {"id": 77, "target": BOB.ss58_address, "amount": 1}
    receipt = send(substrate, substrate.compose_call("Assets", "transfer", arguments))
    assert not receipt.is_success
    assert receipt.error_message["name"] == "Unknown"


def test_who_cannot_pay_is_refused_with_the_reason(substrate: SubstrateInterface) -> None:
    with pytest.raises(SubstrateRequestException, match="Inability to pay some fees"):
        send(substrate, transfer(substrate, BOB, 1), NOBODY)


def test_nonces_advance_and_an_old_one_is_refused(substrate: SubstrateInterface) -> None:
    before = substrate.get_account_nonce(ALICE.ss58_address)
    send(substrate, transfer(substrate, BOB, UNIT))
    assert substrate.get_account_nonce(ALICE.ss58_address) == before + 1
    with pytest.raises(SubstrateRequestException, match="Transaction is outdated"):
        send(substrate, transfer(substrate, BOB, UNIT), nonce=before)


def test_assets_are_made_and_moved(substrate: SubstrateInterface) -> None:
    def call(name: str, **arguments: Any) -> Any:
        return substrate.compose_call("Assets", name, {"id": 5, **arguments})

    made = [
        call("create", admin=ALICE.ss58_address, min_balance=1),
        call("mint", beneficiary=ALICE.ss58_address, amount=1000),
        call("transfer", target=BOB.ss58_address, amount=300),
    ]
    batch = substrate.compose_call("Utility", "batch_all", {"calls": made})
    assert send(substrate, batch).is_success
    assert substrate.query("Assets", "Account", [5, BOB.ss58_address]).value["balance"] == 300


def test_several_values_are_read_at_once(substrate: SubstrateInterface) -> None:
    keys = [
        substrate.create_storage_key("System", "Account", [who.ss58_address])
        for who in (ALICE, NOBODY)
    ]
    (_, alice), (_, nobody) = substrate.query_multi(keys)
    assert alice.value["data"]["free"] == free(substrate, ALICE)
    assert nobody.value["data"]["free"] == 0


def test_a_runtime_api_answers(substrate: SubstrateInterface) -> None:
    nonce = substrate.runtime_call("AccountNonceApi", "account_nonce", [ALICE.ss58_address])
    assert nonce.value == substrate.get_account_nonce(ALICE.ss58_address)


def test_blocks_are_found_by_number_and_hash(substrate: SubstrateInterface) -> None:
    head = substrate.get_chain_head()
    assert substrate.get_chain_finalised_head() == head
    number = substrate.get_block_number(head)
    assert substrate.get_block_hash(number) == head
    assert substrate.get_block_header(block_number=number)["header"]["number"] == number
    assert substrate.get_block_header(finalized_only=True)["header"]["number"] == number


def test_new_heads_and_storage_are_subscribed_to(substrate: SubstrateInterface, file: Path) -> None:
    def on_head(head: Any, update: int, subscription: str) -> Any:
        if update == 0:
            with open_chain(file) as other:
                other.advance()
        return head["header"]["number"] if update == 1 else None

    before = substrate.get_block_number(substrate.get_chain_head())
    assert substrate.subscribe_block_headers(on_head) == before + 1

    def on_number(found: Any, update: int, subscription: str) -> Any:
        if update == 0:
            with open_chain(file) as other:
                other.advance()
        return found.value if update == 1 else None

    assert substrate.query("System", "Number", subscription_handler=on_number) == before + 2


def test_the_history_of_a_value_lists_its_changes(substrate: SubstrateInterface) -> None:
    first = substrate.get_chain_head()
    send(substrate, transfer(substrate, BOB, UNIT))
    changed = substrate.get_chain_head()
    send(substrate, substrate.compose_call("System", "remark", {"remark": "0x11"}))
    key = substrate.create_storage_key("System", "Account", [BOB.ss58_address]).to_hex()
    sets = substrate.rpc_request("state_queryStorage", [[key], first])["result"]
    assert [found["block"] for found in sets] == [first, changed]
    assert sets[0]["changes"][0][1] != sets[1]["changes"][0][1]
