"""One client, three kinds of chain: assets, invitations, reputation and shared keys."""

from __future__ import annotations

import pytest
from chain_support import (
    ALICE,
    BOB,
    BUNDLE,
    CHARLIE,
    DAVE,
    EVE,
    REPORT,
    VOTERS,
    post,
)
from panel_support import (
    deliver,
    judge,
    release,
)

from decentralml.chain import calls, errors, events
from decentralml.chain.api import AssetBalance, AssetInfo, AssetStatus, Chain
from decentralml.chain.errors import assets
from decentralml.errors import CallRefused
from decentralml.types import (
    PPM,
    UNIT,
    Access,
    Role,
    TaskId,
    Verdict,
)


def test_a_reward_in_an_asset_that_is_frozen_is_paid_later(chain: Chain) -> None:
    number = chain.info().block
    asset = [
        calls.CreateAsset(number, ALICE.address, 5),
        calls.DescribeAsset(number, "Mäuse", "MS", 3),
        calls.MintAsset(number, ALICE.address, 1_000_000),
    ]
    chain.submit(calls.Batch(tuple(asset)), ALICE)
    info = chain.asset(number)
    assert info == AssetInfo(
        number, ALICE.address, "Mäuse", "MS", 3, 1_000_000, 5, AssetStatus.LIVE
    )
    assert info in chain.assets()
    task = post(chain, slots=2, asset=number, reward=1_000)
    # Escrowed: the rewards in the asset, the fees in the native token.
    assert chain.asset_balance(number, ALICE.address) == AssetBalance(
        998_000, {"market.Escrow": 2_000}
    )
    first, second = deliver(chain, task, BOB), deliver(chain, task, CHARLIE)
    judge(chain, first, Verdict.PASS)
    release(chain, first)
    assert chain.asset_balance(number, BOB.address).free == 1_000
    judge(chain, second, Verdict.PASS)
    chain.submit(calls.FreezeAsset(number), ALICE)
    frozen = chain.asset(number)
    assert frozen is not None
    assert frozen.status is AssetStatus.FROZEN
    accepted = release(chain, second).find(events.ResultAccepted)
    assert accepted == events.ResultAccepted(
        task, second.index, CHARLIE.address, 1_000, number, False
    )
    assert chain.submission(task, second.index).unpaid
    with pytest.raises(CallRefused):
        chain.submit(calls.Claim(task, second.index), BOB)
    chain.submit(calls.ThawAsset(number), ALICE)
    claimed = chain.submit(calls.Claim(task, second.index), BOB).find(events.RewardClaimed)
    assert claimed == events.RewardClaimed(task, second.index, CHARLIE.address, 1_000)
    assert chain.asset_balance(number, CHARLIE.address).free == 1_000
    assert not chain.submission(task, second.index).unpaid
    with pytest.raises(errors.NothingUnpaid):
        chain.submit(calls.Claim(task, second.index), BOB)
    assert chain.asset(10**6) is None
    assert chain.asset_balance(10**6, BOB.address) == AssetBalance(0)


def test_a_merger_publishes_until_the_creator_does_so_itself(chain: Chain) -> None:
    task = post(chain, slots=1)
    assert chain.merger(task) is None
    with pytest.raises(errors.NoMerger):
        chain.submit(calls.AppointMerger(task, None), ALICE)
    with pytest.raises(errors.CreatorCannotMerge):
        chain.submit(calls.AppointMerger(task, ALICE.address), ALICE)
    with pytest.raises(errors.NotCreator):
        chain.submit(calls.AppointMerger(task, BOB.address), DAVE)
    appointed = chain.submit(calls.AppointMerger(task, DAVE.address), ALICE)
    assert appointed.find(events.MergerAppointed) == events.MergerAppointed(task, DAVE.address)
    assert chain.merger(task) == DAVE.address
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    with pytest.raises(errors.NotPublisher):
        chain.submit(calls.PublishModel(task, REPORT), EVE)
    chain.submit(calls.PublishModel(task, REPORT), DAVE)
    assert chain.task(task).published == REPORT
    held = chain.balance(ALICE.address).held["market.Deposit"]
    published = chain.submit(calls.PublishModel(task, BUNDLE), ALICE)
    assert published.find(events.MergerAppointed) == events.MergerAppointed(task, None)
    assert chain.balance(ALICE.address).held["market.Deposit"] < held
    assert (chain.task(task).published, chain.merger(task)) == (BUNDLE, None)
    with pytest.raises(errors.NotPublisher):
        chain.submit(calls.PublishModel(task, REPORT), DAVE)
    assert chain.merger(TaskId(10**9)) is None


def test_errors_of_assets_arrive_by_name(chain: Chain) -> None:
    number = chain.info().block
    chain.submit(calls.CreateAsset(number, ALICE.address, 5), ALICE)
    with pytest.raises(errors.InUse):
        chain.submit(calls.CreateAsset(number, ALICE.address, 5), ALICE)
    with pytest.raises(errors.NoPermission):
        chain.submit(calls.MintAsset(number, BOB.address, 10), BOB)
    with pytest.raises(errors.MinBalanceZero):
        chain.submit(calls.CreateAsset(number + 1, ALICE.address, 0), ALICE)
    with pytest.raises(errors.UnknownAsset):
        post(chain, asset=10**6)
    with pytest.raises(errors.TokenRefused):
        post(chain, asset=number, reward=10)
    chain.submit(calls.MintAsset(number, BOB.address, 100), ALICE)
    chain.submit(calls.FreezeAsset(number, BOB.address), ALICE)
    assert chain.asset_balance(number, BOB.address).frozen
    with pytest.raises(assets.Frozen):
        chain.submit(calls.TransferAsset(number, ALICE.address, 10), BOB)
    with pytest.raises(errors.NoAccount):
        chain.submit(calls.TransferAsset(number, ALICE.address, 10), CHARLIE)


def test_only_those_invited_and_of_good_standing_are_taken(chain: Chain) -> None:
    task = post(chain, access=Access.INVITED)
    with pytest.raises(errors.NotInvited):
        chain.submit(calls.AcceptTask(task), BOB)
    chain.submit(calls.Invite(task, (BOB.address, CHARLIE.address)), ALICE)
    chain.submit(calls.Uninvite(task, (CHARLIE.address,)), ALICE)
    assert chain.invited(task, BOB.address)
    assert not chain.invited(task, CHARLIE.address)
    assert chain.task(task).stored == 1
    chain.submit(calls.AcceptTask(task), BOB)
    with pytest.raises(errors.NotInvited):
        chain.submit(calls.AcceptTask(task), CHARLIE)
    with pytest.raises(errors.NotInvitational):
        chain.submit(calls.Invite(post(chain), (BOB.address,)), ALICE)
    demanding = post(chain, minimum_reputation=999_999)
    newcomer = VOTERS[0]
    assert chain.reputation(newcomer.address, Role.CONTRIBUTOR).standing == 500_000
    with pytest.raises(errors.ReputationTooLow):
        chain.submit(calls.AcceptTask(demanding), newcomer)


def test_deeds_are_told_of_each_role(chain: Chain) -> None:
    roles = ((BOB, Role.CONTRIBUTOR), (ALICE, Role.CREATOR), (DAVE, Role.AGGREGATOR))
    before = [chain.reputation(key.address, role) for key, role in roles]
    sent = deliver(chain, post(chain, slots=1), BOB)
    judge(chain, sent, Verdict.PASS)
    receipt = release(chain, sent)
    assert events.Noted(BOB.address, Role.CONTRIBUTOR, "Accepted") in receipt.events
    after = [chain.reputation(key.address, role) for key, role in roles]
    # Counts may have faded a little in between.
    assert all(
        abs(b.accepted - a.accepted - 1_000) <= 2 for a, b in zip(before, after, strict=True)
    )
    earned = [b.earned - a.earned for a, b in zip(before, after, strict=True)]
    assert earned == [5 * UNIT, 5 * UNIT, UNIT // 2]
    assert all(500_000 <= each.standing <= PPM for each in after[:1])


def test_the_key_of_a_validation_set_is_shared_on(chain: Chain) -> None:
    task = post(chain)
    first, second = bytes(range(80)), bytes(80)
    chain.submit(calls.ShareKey(task, ((DAVE.address, first),)), ALICE)
    share = chain.share(task, DAVE.address)
    assert share is not None
    assert (share.wrap, share.by) == (first, ALICE.address)
    assert share.deposit > 0
    with pytest.raises(errors.NotSharer):
        chain.submit(calls.ShareKey(task, ((EVE.address, first),)), BOB)
    shared = chain.submit(calls.ShareKey(task, ((EVE.address, second),)), DAVE)
    assert shared.find(events.KeyShared) == events.KeyShared(task, DAVE.address, (EVE.address,))
    with pytest.raises(errors.AlreadyShared):
        chain.submit(calls.ShareKey(task, ((EVE.address, first),)), DAVE)
    chain.submit(calls.DiscardShare(task), EVE)
    assert chain.share(task, EVE.address) is None
    with pytest.raises(errors.NoShare):
        chain.submit(calls.DiscardShare(task), EVE)
    with pytest.raises(errors.NotEnded):
        chain.submit(calls.ClearAccess(task, (DAVE.address,)), BOB)
