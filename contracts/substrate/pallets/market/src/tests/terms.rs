//! What terms a task can have.

use super::*;

fn refuse(terms: TermsOf<Test>, error: Error<Test>) {
    assert_noop!(Market::create_task(signed(CREATOR), terms), error);
}

#[test]
fn terms_out_of_range_are_refused() {
    run(|| {
        let now = Market::now();
        for bundle in ["", "b", "Qmfoo", "bafyUPPER", "bafy/..", "ba fy", "bafy0189"] {
            let bundle = bundle.as_bytes().to_vec().try_into().unwrap();
            refuse(Terms { bundle, ..terms() }, Error::InvalidCid);
        }
        for committee_size in [0, 2, 4, 8, 10, 11, 255] {
            refuse(Terms { committee_size, ..terms() }, Error::InvalidCommitteeSize);
        }
        for slots in [0, 10_001, u32::MAX] {
            refuse(Terms { slots, ..terms() }, Error::InvalidSlots);
        }
        for expires_at in [0, now - 1, now, now + 999, now + 31_536_000_001, u64::MAX] {
            refuse(Terms { expires_at, ..terms() }, Error::InvalidExpiry);
        }
        for working_time in [0, 999, 31_536_000_001, u64::MAX] {
            refuse(Terms { working_time, ..terms() }, Error::InvalidWorkingTime);
        }
        for review_time in [0, 999, 2_592_000_001, u64::MAX] {
            refuse(Terms { review_time, ..manual() }, Error::InvalidReviewTime);
        }
        for challenge_time in [2_592_000_001, u64::MAX] {
            refuse(Terms { challenge_time, ..terms() }, Error::InvalidChallengeTime);
        }
        for beyond in [1_000_001, u32::MAX] {
            refuse(Terms { tolerance: beyond, ..terms() }, Error::InvalidTolerance);
            refuse(Terms { minimum_reputation: beyond, ..terms() }, Error::InvalidReputation);
        }
        refuse(Terms { reader: [0; 32], ..terms() }, Error::InvalidReader);
        refuse(Terms { asset: Some(8), ..terms() }, Error::UnknownAsset);
    });
}

#[test]
fn a_run_has_checkpoints_and_segments_of_which_some_are_replayed() {
    run(|| {
        let of = |checkpoints, segments| Terms {
            replay: Some(Replay { checkpoints, segments }),
            ..terms()
        };
        for (checkpoints, segments) in
            [(0, 1), (1, 1), (2, 0), (2, 2), (4096, 17), (4097, 1), (u32::MAX, 16), (16, 16)]
        {
            refuse(of(checkpoints, segments), Error::InvalidReplay);
        }
        for (checkpoints, segments) in [(2, 1), (17, 16), (4096, 16)] {
            create(of(checkpoints, segments));
        }
    });
}

#[test]
fn the_bond_covers_a_committee_and_is_at_least_the_minimum() {
    run(|| {
        refuse(Terms { bond: 3 * FEE - 1, ..terms() }, Error::BondTooSmall);
        refuse(Terms { bond: MINIMUM_BOND - 1, fee: 1, ..terms() }, Error::BondTooSmall);
        create(Terms { bond: 3 * FEE, ..terms() });
        create(Terms { bond: MINIMUM_BOND, fee: 1, ..terms() });
    });
}

#[test]
fn nobody_is_made_to_work_for_nothing() {
    run(|| {
        refuse(Terms { fee: 0, ..terms() }, Error::FeeTooSmall);
        create(Terms { fee: 1, ..terms() });
    });
}

#[test]
fn more_money_than_there_can_be_is_refused() {
    run(|| {
        let dear = Balance::MAX / 3 - 3 * FEE + 1;
        for asset in [None, Some(ASSET)] {
            let reward = Balance::MAX / 3 + 1;
            refuse(Terms { reward, asset, ..terms() }, Error::AmountOverflow);
        }
        refuse(Terms { reward: Balance::MAX, ..terms() }, Error::AmountOverflow);
        refuse(Terms { reward: dear, ..terms() }, Error::AmountOverflow);
        let bond = Balance::MAX;
        refuse(Terms { fee: Balance::MAX, bond, ..terms() }, Error::AmountOverflow);
        refuse(Terms { fee: Balance::MAX / 3, bond, ..terms() }, Error::AmountOverflow);
    });
}

#[test]
fn review_time_is_of_no_matter_where_no_creator_reviews() {
    run(|| {
        create(Terms { review_time: 0, ..terms() });
    });
}

#[test]
fn a_parent_has_a_published_model() {
    run(|| {
        let child = |parent| Terms { parent: Some(parent), ..terms() };
        refuse(child(7), Error::UnknownParent);
        let (parent, _) = paid(terms());
        refuse(child(parent), Error::ParentNotPublished);
        assert_ok!(Market::publish_model(signed(CREATOR), parent, cid("model")));
        create(child(parent));
    });
}
