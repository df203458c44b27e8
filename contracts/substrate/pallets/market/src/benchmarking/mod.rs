//! What each call costs at the worst: with the largest committee and jury, rewards in an asset, and
//! a task whose time is over, so that what is not needed any more goes back with it.

mod stage;

use crate::{
    Call, Config, Mergers, Pallet, SubmissionState, Submissions, Tasks, Verdict, MAX_PARTIES,
};
use frame_benchmarking::v2::*;
use frame_support::traits::Get;
use frame_system::RawOrigin;
use stage::{Stage, HOUR, START, WRAP};

#[benchmarks(where T: Stage)]
mod benches {
    use super::*;

    #[benchmark]
    fn create_task() {
        stage::open::<T>();
        let parent = stage::create::<T>(stage::terms::<T>(0));
        Tasks::<T>::mutate_extant(parent, |task| task.published = Some(stage::cid()));
        let mut terms = stage::terms::<T>(0);
        terms.parent = Some(parent);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), terms);
        assert!(Tasks::<T>::contains_key(parent + 1));
    }

    #[benchmark]
    fn accept_task() {
        stage::open::<T>();
        let (id, contributor) =
            (stage::create::<T>(stage::terms::<T>(0)), stage::contributor::<T>());
        let invited = crate::Parties::truncate_from(alloc::vec![contributor.clone()]);
        stage::invite::<T>(id, invited);
        #[extrinsic_call]
        _(RawOrigin::Signed(contributor), id);
        assert!(Submissions::<T>::contains_key(id, 0));
    }

    #[benchmark]
    fn submit_result() {
        stage::open::<T>();
        let id = stage::accepted::<T>(stage::terms::<T>(0));
        let (seal, trace) = (stage::seal(), stage::trace());
        let origin = RawOrigin::Signed(stage::contributor::<T>());
        #[extrinsic_call]
        _(origin, id, stage::cid(), [0; 32], seal, trace);
        assert!(stage::submission::<T>(id).work.is_some());
    }

    #[benchmark]
    fn draw_committee() {
        stage::open::<T>();
        let id = stage::sent::<T>(stage::terms::<T>(0));
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, 0);
        assert_eq!(stage::members::<T>(id).len() as u32, crate::MAX_COMMITTEE);
    }

    #[benchmark]
    fn accept_result() {
        stage::open::<T>();
        let id = stage::judged::<T>(stage::terms::<T>(HOUR), Verdict::Pass);
        stage::unseal::<T>(id);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, 0);
        let state = stage::submission::<T>(id).state;
        assert!(matches!(state, SubmissionState::Accepted { unpaid: false, .. }));
    }

    #[benchmark]
    fn reject_result() {
        stage::open::<T>();
        let mut terms = stage::terms::<T>(0);
        terms.strategy = crate::ValidationStrategy::ManualAccept;
        let id = stage::judged::<T>(terms, Verdict::Fail);
        let reason = crate::Reason::truncate_from(alloc::vec![b'a'; 256]);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, 0, reason);
        assert!(matches!(stage::submission::<T>(id).state, SubmissionState::Rejected { .. }));
    }

    /// The creator's own, which dismisses its merger.
    #[benchmark]
    fn publish_model() {
        stage::open::<T>();
        let id = stage::create::<T>(stage::terms::<T>(0));
        stage::appoint::<T>(id);
        Tasks::<T>::mutate_extant(id, |task| task.accepted = 1);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, stage::cid());
        assert!(Tasks::<T>::get(id).is_some_and(|task| task.published.is_some()));
        assert!(!Mergers::<T>::contains_key(id));
    }

    #[benchmark]
    fn appoint_merger() {
        stage::open::<T>();
        let id = stage::create::<T>(stage::terms::<T>(0));
        let merger = stage::contributor::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, Some(merger.clone()));
        assert_eq!(Mergers::<T>::get(id).map(|found| found.account), Some(merger));
    }

    #[benchmark]
    fn abandon() {
        stage::open::<T>();
        let id = stage::accepted::<T>(stage::terms::<T>(0));
        stage::set_time::<T>(START + HOUR / 2);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::contributor::<T>()), id);
        assert!(!Submissions::<T>::contains_key(id, 0));
    }

    #[benchmark]
    fn withdraw_task() {
        stage::open::<T>();
        let id = stage::create::<T>(stage::terms::<T>(0));
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id);
        assert!(Tasks::<T>::get(id).is_some_and(|task| task.ended_at.is_some()));
    }

    /// An appeal that overturns the whole committee, the last of the jury silent: everybody is
    /// paid or slashed, the slot and the task end.
    #[benchmark]
    fn settle() {
        stage::open::<T>();
        let (id, _) = stage::almost_overturned::<T>();
        stage::set_time::<T>(START + 100 * HOUR);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, Some(0));
        assert!(matches!(stage::submission::<T>(id).state, SubmissionState::Rejected { .. }));
    }

    #[benchmark]
    fn commit() {
        stage::open::<T>();
        let id = stage::appealed::<T>();
        stage::hand_key::<T>(id);
        let mut members = stage::members::<T>(id);
        let last = members.pop().expect("there is a jury");
        stage::commit::<T>(id, &members, Verdict::Fail);
        let commitment = stage::commitment::<T>(id, &last, Verdict::Fail);
        #[extrinsic_call]
        _(RawOrigin::Signed(last), id, 0, commitment);
        let state = stage::submission::<T>(id).state;
        let phase = crate::Phase::Revealing { until: stage::after::<T>(T::RevealPeriod::get()) };
        assert!(matches!(state, SubmissionState::Appealed { phase: found, .. } if found == phase));
    }

    /// The last of a jury that overturns the whole committee.
    #[benchmark]
    fn reveal() {
        stage::open::<T>();
        let (id, last) = stage::almost_overturned::<T>();
        #[block]
        {
            stage::reveal::<T>(id, &[last], Verdict::Fail);
        }
        assert!(matches!(stage::submission::<T>(id).state, SubmissionState::Rejected { .. }));
    }

    #[benchmark]
    fn hand_key() {
        stage::open::<T>();
        let id = stage::appealed::<T>();
        let wraps = stage::wraps::<T>(&stage::waiting::<T>(id));
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::contributor::<T>()), id, 0, wraps);
        assert!(stage::waiting::<T>(id).is_empty());
    }

    #[benchmark]
    fn release_key() {
        stage::open::<T>();
        let id = stage::releasing::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::contributor::<T>()), id, 0, WRAP);
        assert!(matches!(stage::submission::<T>(id).state, SubmissionState::Accepted { .. }));
    }

    #[benchmark]
    fn appeal() {
        stage::open::<T>();
        let id = stage::judged::<T>(stage::terms::<T>(HOUR), Verdict::Pass);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, 0);
        assert!(matches!(stage::submission::<T>(id).state, SubmissionState::Appealed { .. }));
    }

    #[benchmark]
    fn open_gold() {
        stage::open::<T>();
        let id = stage::judged::<T>(stage::terms::<T>(HOUR), Verdict::Pass);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, 0, stage::gold::<T>());
        assert!(matches!(stage::submission::<T>(id).state, SubmissionState::Appealed { .. }));
    }

    /// The creator's over what somebody else gave.
    #[benchmark]
    fn share_key(n: Linear<1, MAX_PARTIES>) {
        stage::open::<T>();
        let (id, to) = (stage::create::<T>(stage::terms::<T>(0)), stage::accounts::<T>(n));
        let giver = stage::rich::<T>("giver", 0);
        let givers = crate::Parties::truncate_from(alloc::vec![giver.clone()]);
        stage::share::<T>(id, &stage::creator::<T>(), &givers);
        stage::share::<T>(id, &giver, &to);
        let wraps = stage::wraps::<T>(&to);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, wraps);
        assert_eq!(Tasks::<T>::get(id).map(|task| task.stored), Some(n + 1));
    }

    #[benchmark]
    fn discard_share() {
        stage::open::<T>();
        let (id, to) = (stage::create::<T>(stage::terms::<T>(0)), stage::accounts::<T>(1));
        stage::share::<T>(id, &stage::creator::<T>(), &to);
        #[extrinsic_call]
        _(RawOrigin::Signed(to[0].clone()), id);
        assert_eq!(Tasks::<T>::get(id).map(|task| task.stored), Some(0));
    }

    #[benchmark]
    fn invite(n: Linear<1, MAX_PARTIES>) {
        stage::open::<T>();
        let (id, who) = (stage::create::<T>(stage::terms::<T>(0)), stage::accounts::<T>(n));
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, who);
        assert_eq!(Tasks::<T>::get(id).map(|task| task.stored), Some(n));
    }

    #[benchmark]
    fn uninvite(n: Linear<1, MAX_PARTIES>) {
        stage::open::<T>();
        let (id, who) = (stage::create::<T>(stage::terms::<T>(0)), stage::accounts::<T>(n));
        stage::invite::<T>(id, who.clone());
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, who);
        assert_eq!(Tasks::<T>::get(id).map(|task| task.stored), Some(0));
    }

    #[benchmark]
    fn clear() {
        stage::open::<T>();
        let id = stage::judged::<T>(stage::terms::<T>(0), Verdict::Fail);
        stage::set_time::<T>(stage::after::<T>(T::RetentionPeriod::get()) + 1);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::creator::<T>()), id, Some(0));
        assert!(!Submissions::<T>::contains_key(id, 0));
    }

    /// With its merger.
    #[benchmark]
    fn clear_task() {
        stage::open::<T>();
        let id = stage::create::<T>(stage::terms::<T>(0));
        stage::appoint::<T>(id);
        let creator = stage::by::<T>(&stage::creator::<T>());
        Pallet::<T>::withdraw_task(creator, id).expect("it is under way");
        stage::set_time::<T>(stage::after::<T>(T::RetentionPeriod::get()) + 1);
        #[extrinsic_call]
        clear(RawOrigin::Signed(stage::contributor::<T>()), id, None);
        assert!(!Tasks::<T>::contains_key(id));
    }

    #[benchmark]
    fn claim() {
        stage::open::<T>();
        let id = stage::judged::<T>(stage::terms::<T>(0), Verdict::Pass);
        stage::freeze::<T>();
        let contributor = stage::contributor::<T>();
        Pallet::<T>::release_key(stage::by::<T>(&contributor), id, 0, WRAP).expect("it is its key");
        stage::thaw::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(contributor), id, Some(0));
        let state = stage::submission::<T>(id).state;
        assert!(matches!(state, SubmissionState::Accepted { unpaid: false, .. }));
    }

    /// Each account has an invitation and a share.
    #[benchmark]
    fn clear_access(n: Linear<1, MAX_PARTIES>) {
        stage::open::<T>();
        let (id, who) = (stage::create::<T>(stage::terms::<T>(0)), stage::accounts::<T>(n));
        let creator = stage::creator::<T>();
        stage::invite::<T>(id, who.clone());
        stage::share::<T>(id, &creator, &who);
        Pallet::<T>::withdraw_task(stage::by::<T>(&creator), id).expect("it is under way");
        #[extrinsic_call]
        _(RawOrigin::Signed(creator), id, who);
        assert_eq!(Tasks::<T>::get(id).map(|task| task.stored), Some(0));
    }

    impl_benchmark_test_suite!(Pallet, stage::empty(), crate::mock::Test);
}
