use crate::{mock::*, *};

type Plain = Record<u128>;

fn counts(record: &Plain) -> [u32; 4] {
    [record.accepted, record.rejected, record.expired, record.overturned]
}

fn record(counts: [u32; 4], updated_at: u64) -> Plain {
    let [accepted, rejected, expired, overturned] = counts;
    Record { accepted, rejected, expired, overturned, earned: 0, updated_at }
}

#[test]
fn counts_fade_to_their_half_along_a_straight_line() {
    // Of 8,000 at the beginning of a half-life of 100, and one with an odd count.
    let table = [
        (0, [8_000, 7]),
        (1, [7_960, 6]),
        (50, [6_000, 5]),
        (99, [4_040, 3]),
        (100, [4_000, 3]),
        (150, [3_000, 2]),
        (200, [2_000, 1]),
        (300, [1_000, 0]),
        (399, [505, 0]),
        (1_200, [1, 0]),
        (1_300, [0, 0]),
        (3_199, [0, 0]),
        (3_200, [0, 0]),
        (u64::MAX, [0, 0]),
    ];
    for (now, [accepted, rejected]) in table {
        let found = record([8_000, 7, 0, 0], 0).at(now, 100);
        assert_eq!(counts(&found), [accepted, rejected, 0, 0], "at {now}");
    }
}

#[test]
fn a_deed_counts_the_same_whenever_it_is_done() {
    for now in [0, 1, 37, 50, 99, 100, 12_345] {
        let mut found = Plain::default();
        found.note(Deed::Accepted, now, 100);
        assert_eq!(counts(&found.at(now, 100)), [DEED, 0, 0, 0], "at {now}");
    }
}

#[test]
fn it_makes_no_difference_how_often_a_record_is_written() {
    let mut rarely = Plain::default();
    rarely.note(Deed::Accepted, 10, 1_000);
    let mut often = rarely.clone();
    for now in 10..1_000 {
        often.move_to(now, 1_000);
    }
    for now in [10, 500, 999, 1_000, 2_500] {
        assert_eq!(counts(&often.clone().at(now, 1_000)), counts(&rarely.clone().at(now, 1_000)));
    }
}

#[test]
fn fading_stays_near_the_exponential() {
    for now in 0..4_000u64 {
        let found = record([1_000_000_000, 0, 0, 0], 0).at(now, 1_000).accepted as f64;
        let ideal = 1e9 * (-(now as f64) / 1_000.0).exp2();
        assert!((ideal * 0.999..ideal * 1.0615).contains(&found), "{found} for {ideal} at {now}");
    }
}

#[test]
fn counts_saturate() {
    let mut found = record([u32::MAX - 1, 0, 0, u32::MAX], 5);
    found.note(Deed::Accepted, 5, 100);
    found.note(Deed::Overturned, 5, 100);
    assert_eq!(counts(&found), [u32::MAX, 0, 0, u32::MAX]);
    assert_eq!(found.standing(), 200_000, "as without the deed that everybody has");
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let before = record([8_000, 4_000, 2_000, 1_000], 750);
    let mut after = before.clone();
    after.move_to(0, 100);
    assert_eq!(after, before);
}

#[test]
fn the_standing_weighs_deeds_by_how_bad_they_are() {
    let table = [
        ([0, 0, 0, 0], NEUTRAL),
        ([1, 0, 0, 0], 500_499),
        ([0, 1, 0, 0], 499_500),
        ([999, 0, 0, 0], 749_874),
        ([500, 500, 0, 0], NEUTRAL),
        ([1_000, 0, 0, 0], 750_000),
        ([0, 1_000, 0, 0], 250_000),
        ([0, 0, 1_000, 0], 166_666),
        ([0, 0, 0, 1_000], 100_000),
        ([3_000, 1_000, 0, 0], 700_000),
        ([2_000, 0, 1_000, 0], NEUTRAL),
        ([4_000, 0, 0, 1_000], NEUTRAL),
        ([99_500, 0, 0, 0], 995_024),
        ([u32::MAX, 0, 0, 0], 999_999),
        ([0, u32::MAX, 0, 0], 0),
        ([u32::MAX; 4], 125_000),
    ];
    for (counts, expected) in table {
        assert_eq!(record(counts, 0).standing(), expected, "of {counts:?}");
    }
}

#[test]
fn deeds_are_noted_by_account_and_role() {
    run(|| {
        set_time(0);
        Book::note(&1, Role::Contributor, Deed::Accepted);
        Book::note(&1, Role::Contributor, Deed::Expired);
        Book::note(&1, Role::Aggregator, Deed::Overturned);
        Book::note(&2, Role::Creator, Deed::Rejected);
        assert_eq!(counts(&Book::record(&1, Role::Contributor)), [1_000, 0, 1_000, 0]);
        assert_eq!(counts(&Book::record(&1, Role::Aggregator)), [0, 0, 0, 1_000]);
        assert_eq!(counts(&Book::record(&2, Role::Creator)), [0, 1_000, 0, 0]);
        assert_eq!(Book::standing(&1, Role::Contributor), 375_000);
        assert_eq!(Book::standing(&2, Role::Creator), 250_000);
        assert_eq!(Book::standing(&2, Role::Contributor), NEUTRAL);
        let event = Event::Noted { who: 2, role: Role::Creator, deed: Deed::Rejected };
        System::assert_last_event(RuntimeEvent::Book(event));
    });
}

#[test]
fn one_deed_fades_step_by_step_until_nothing_is_known() {
    run(|| {
        set_time(0);
        Book::note(&1, Role::Contributor, Deed::Accepted);
        Book::note(&2, Role::Contributor, Deed::Rejected);
        let table = [(0, 750_000, 250_000), (1, 666_666, 333_333), (2, 600_000, 400_000)];
        for (halvings, good, bad) in table {
            set_time(HALF_LIFE * halvings);
            let found = [1, 2].map(|who| Book::standing(&who, Role::Contributor));
            assert_eq!(found, [good, bad], "after {halvings} half-lives");
        }
        set_time(HALF_LIFE * 20);
        assert_eq!(Book::standing(&1, Role::Contributor), NEUTRAL);
        Book::note(&1, Role::Contributor, Deed::Accepted);
        assert_eq!(Book::standing(&1, Role::Contributor), 750_000);
    });
}

#[test]
fn a_standing_never_leaps_while_deeds_fade() {
    let before = [(1_000, 0), (0, 1_000), (5_000, 1_000), (0, 20_000)];
    for (accepted, rejected) in before {
        let found = record([accepted, rejected, 0, 0], 0);
        let at = |now| i64::from(found.clone().at(now, 1_000).standing());
        for now in 0..5_000 {
            // A thousandth of a half-life moves it by less than a thousandth.
            assert!((at(now + 1) - at(now)).abs() < 1_000, "at {now}");
        }
    }
}

#[test]
fn earnings_add_up_and_do_not_fade() {
    run(|| {
        Book::earned(&1, Role::Contributor, 0);
        assert!(!Records::<Test>::contains_key(1, Role::Contributor));
        Book::earned(&1, Role::Contributor, 70);
        set_time(HALF_LIFE * 40);
        Book::earned(&1, Role::Contributor, 5);
        assert_eq!(Book::record(&1, Role::Contributor).earned, 75);
        Book::earned(&1, Role::Contributor, Balance::MAX);
        assert_eq!(Book::record(&1, Role::Contributor).earned, Balance::MAX);
        assert_eq!(Book::standing(&1, Role::Contributor), NEUTRAL);
    });
}

#[test]
fn earning_does_not_refresh_old_deeds() {
    run(|| {
        Book::note(&1, Role::Aggregator, Deed::Accepted);
        set_time(HALF_LIFE * 3);
        Book::earned(&1, Role::Aggregator, 1);
        assert_eq!(Book::record(&1, Role::Aggregator).accepted, 125);
    });
}

#[test]
fn without_a_book_everybody_stands_neutral() {
    <() as Reputation<u64, u128>>::note(&1, Role::Creator, Deed::Overturned);
    <() as Reputation<u64, u128>>::earned(&1, Role::Creator, 5);
    assert_eq!(<() as Reputation<u64, u128>>::standing(&1, Role::Creator), NEUTRAL);
}
