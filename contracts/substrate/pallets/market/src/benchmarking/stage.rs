//! The stage of the benchmarks: as many members, as long texts and as full terms as there can be.

use crate::{
    commitments, draw, Access, AccountOf, Appeals, AssetId, Attestation, BalanceOf, Cid, Config,
    Digest, Gold, GoldOf, Golds, Index, Millis, ModelType, Pallet, Parties, PartiesOf, Phase,
    Replay, Seal, StorageType, SubmissionOf, SubmissionState, Submissions, TaskId, TaskType, Tasks,
    Terms, TermsOf, Trace, ValidationStrategy, Verdict, Window, Wrap, WrapsOf, MAX_CHECKPOINTS,
    MAX_COMMITTEE, MAX_JURY, MAX_SEGMENTS, MILLION,
};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::account;
use frame_support::{
    traits::{fungible::Mutate, ChangeMembers, Get},
    BoundedVec,
};
use frame_system::{pallet_prelude::OriginFor, RawOrigin};
use sp_io::hashing::blake2_256;
use sp_runtime::{
    traits::{Hash, One, StaticLookup},
    Saturating,
};

/// A runtime with all that takes part.
pub trait Stage:
    Config<Currency: Mutate<AccountOf<Self>>>
    + pallet_aggregators::Config
    + pallet_timestamp::Config<Moment = Millis>
    + pallet_assets::Config<AssetId = AssetId, Balance = BalanceOf<Self>>
{
}

impl<T> Stage for T where
    T: Config<Currency: Mutate<AccountOf<T>>>
        + pallet_aggregators::Config
        + pallet_timestamp::Config<Moment = Millis>
        + pallet_assets::Config<AssetId = AssetId, Balance = BalanceOf<T>>
{
}

pub const START: Millis = 1_800_000_000_000;
pub const HOUR: Millis = 3_600_000;
pub const ASSET: AssetId = 7;
pub const WRAP: Wrap = [9; 80];
const SALT: [u8; 32] = [5; 32];

pub fn cid() -> Cid {
    let mut text = vec![b'a'; 64];
    text[0] = b'b';
    BoundedVec::truncate_from(text)
}

pub fn by<T: Config>(who: &AccountOf<T>) -> OriginFor<T> {
    RawOrigin::Signed(who.clone()).into()
}

pub fn rich<T: Stage>(name: &'static str, number: u32) -> AccountOf<T> {
    let who = account(name, number, 0);
    let wealth = <T as Config>::MinimumBond::get().saturating_mul(1_000_000u32.into());
    <T as Config>::Currency::set_balance(&who, wealth);
    who
}

pub fn creator<T: Stage>() -> AccountOf<T> {
    account("creator", 0, 0)
}

pub fn contributor<T: Stage>() -> AccountOf<T> {
    account("contributor", 0, 0)
}

pub fn accounts<T: Stage>(count: u32) -> PartiesOf<T> {
    Parties::truncate_from((0..count).map(|number| account("party", number, 0)).collect::<Vec<_>>())
}

pub fn set_time<T: Stage>(now: Millis) {
    pallet_timestamp::Now::<T>::put(now);
}

/// Everybody is there: as many in office as can be on a jury, creator, contributor and their asset.
pub fn open<T: Stage>() {
    set_time::<T>(START);
    let (creator, contributor) = (rich::<T>("creator", 0), rich::<T>("contributor", 0));
    let seats = <T as pallet_aggregators::Config>::MaxMembers::get().min(MAX_JURY);
    let mut office: Vec<_> = (0..seats).map(|number| rich::<T>("member", number)).collect();
    office.sort();
    for member in &office {
        pallet_aggregators::Pallet::<T>::register(by::<T>(member), Default::default(), [1; 32])
            .expect("it can pay the bond");
    }
    <pallet_aggregators::Pallet<T> as ChangeMembers<_>>::change_members_sorted(&[], &[], &office);

    let lookup = |who: &AccountOf<T>| T::Lookup::unlookup(who.clone());
    let (root, one) = (RawOrigin::Root.into(), One::one());
    pallet_assets::Pallet::<T>::force_create(root, ASSET.into(), lookup(&creator), false, one)
        .expect("there is no such asset yet");
    for who in [&creator, &contributor] {
        let amount = <T as Config>::MinimumBond::get().saturating_mul(1_000u32.into());
        pallet_assets::Pallet::<T>::mint(by::<T>(&creator), ASSET.into(), lookup(who), amount)
            .expect("the creator issues it");
    }
}

pub fn gold<T: Stage>() -> GoldOf<T> {
    let (verdict, salt) = (Verdict::Fail, SALT);
    Gold { contributor: contributor::<T>(), verdict, low: 0, high: MILLION, salt }
}

/// Terms with everything in them. The task's time is over when anybody else acts.
pub fn terms<T: Stage>(challenge_time: Millis) -> TermsOf<T> {
    let fee = <T as Config>::MinimumBond::get();
    let decoys = [[1; 32], [2; 32], [3; 32]];
    let golds: Vec<Digest> = decoys.into_iter().chain([commitments::gold(&gold::<T>())]).collect();
    Terms {
        task_type: TaskType::ModelContributor,
        strategy: ValidationStrategy::AutoAccept,
        model_type: ModelType::Vision,
        storage: StorageType::IPFS,
        bundle: cid(),
        reward: fee,
        asset: Some(ASSET),
        fee,
        committee_size: MAX_COMMITTEE as u8,
        tolerance: 0,
        bond: fee.saturating_mul(MAX_COMMITTEE.into()),
        slots: 2,
        expires_at: START + T::MinimumDuration::get(),
        working_time: HOUR,
        review_time: HOUR,
        challenge_time,
        parent: None,
        reader: [7; 32],
        access: Access::Invited,
        minimum_reputation: 1,
        replay: Some(Replay { checkpoints: MAX_CHECKPOINTS, segments: MAX_SEGMENTS }),
        golds: Golds::truncate_from(golds),
    }
}

pub fn create<T: Stage>(terms: TermsOf<T>) -> TaskId {
    let id = crate::NextTaskId::<T>::get();
    Pallet::<T>::create_task(by::<T>(&creator::<T>()), terms).expect("its terms are sound");
    id
}

pub fn invite<T: Stage>(id: TaskId, who: PartiesOf<T>) {
    Pallet::<T>::invite(by::<T>(&creator::<T>()), id, who).expect("it is by invitation");
}

pub fn share<T: Stage>(id: TaskId, from: &AccountOf<T>, to: &PartiesOf<T>) {
    Pallet::<T>::share_key(by::<T>(from), id, wraps::<T>(to)).expect("it has the key");
}

pub fn appoint<T: Stage>(id: TaskId) {
    let merger = Some(rich::<T>("merger", 0));
    Pallet::<T>::appoint_merger(by::<T>(&creator::<T>()), id, merger).expect("it is the creator");
}

pub fn wraps<T: Stage>(members: &[AccountOf<T>]) -> WrapsOf<T> {
    let each: Vec<_> = members.iter().map(|member| (member.clone(), WRAP)).collect();
    BoundedVec::truncate_from(each)
}

/// A task of which the contributor has a slot.
pub fn accepted<T: Stage>(terms: TermsOf<T>) -> TaskId {
    let id = create::<T>(terms);
    invite::<T>(id, Parties::truncate_from(vec![contributor::<T>()]));
    Pallet::<T>::accept_task(by::<T>(&contributor::<T>()), id).expect("it is invited");
    set_time::<T>(START + T::MinimumDuration::get() + 1);
    id
}

pub fn seal() -> Option<Seal> {
    Some(Seal { key_digest: [0; 32], release: blake2_256(&WRAP) })
}

pub fn trace() -> Option<Trace> {
    Some(Trace { root: [0; 32], checkpoints: MAX_CHECKPOINTS })
}

/// Its result was sent, and the block that draws has a hash.
pub fn sent<T: Stage>(terms: TermsOf<T>) -> TaskId {
    let id = accepted::<T>(terms);
    let origin = by::<T>(&contributor::<T>());
    Pallet::<T>::submit_result(origin, id, cid(), [0; 32], seal(), trace()).expect("it is in time");
    let SubmissionState::PendingValidation { phase: Phase::Drawing { anchor, .. }, .. } =
        submission::<T>(id).state
    else {
        panic!("it is drawn first");
    };
    frame_system::BlockHash::<T>::insert(anchor, T::Hashing::hash(b"anchor"));
    frame_system::Pallet::<T>::set_block_number(anchor + One::one());
    id
}

/// Its committee has spoken, in one voice.
pub fn judged<T: Stage>(terms: TermsOf<T>, verdict: Verdict) -> TaskId {
    let id = sent::<T>(terms);
    Pallet::<T>::draw_committee(by::<T>(&creator::<T>()), id, 0).expect("many can be drawn");
    hand_key::<T>(id);
    let members = members::<T>(id);
    commit::<T>(id, &members, verdict);
    reveal::<T>(id, &members, verdict);
    id
}

/// The creator appealed against paying for it, and the jury can judge.
pub fn appealed<T: Stage>() -> TaskId {
    let id = judged::<T>(terms::<T>(HOUR), Verdict::Pass);
    Pallet::<T>::appeal(by::<T>(&creator::<T>()), id, 0).expect("it would have to pay");
    id
}

/// The jury has spoken too, but for its last member, who has committed.
pub fn almost_overturned<T: Stage>() -> (TaskId, AccountOf<T>) {
    let id = appealed::<T>();
    hand_key::<T>(id);
    let mut members = members::<T>(id);
    commit::<T>(id, &members, Verdict::Fail);
    let last = members.pop().expect("there is a jury");
    reveal::<T>(id, &members, Verdict::Fail);
    (id, last)
}

/// The key of an accepted result is waited for, whose jury is paid with it: the committee could not
/// judge.
pub fn releasing<T: Stage>() -> TaskId {
    let id = judged::<T>(terms::<T>(HOUR), Verdict::Inconclusive);
    Pallet::<T>::appeal(by::<T>(&contributor::<T>()), id, 0).expect("it would be paid");
    hand_key::<T>(id);
    let members = members::<T>(id);
    commit::<T>(id, &members, Verdict::Pass);
    reveal::<T>(id, &members, Verdict::Pass);
    let state = submission::<T>(id).state;
    assert!(matches!(state, SubmissionState::Validated { window: Window::Release { .. }, .. }));
    id
}

pub fn submission<T: Stage>(id: TaskId) -> SubmissionOf<T> {
    Submissions::<T>::get(id, 0).expect("it is stored")
}

/// Makes the result one of version 1, which has no seal: it is paid for at once.
pub fn unseal<T: Stage>(id: TaskId) {
    let mut submission = submission::<T>(id);
    if let Some(work) = &mut submission.work {
        work.seal = None;
    }
    Submissions::<T>::insert(id, 0, submission);
}

/// Those who judge now.
pub fn members<T: Stage>(id: TaskId) -> Vec<AccountOf<T>> {
    let seats = match Appeals::<T>::get(id, 0) {
        Some(appeal) => appeal.jury.into_inner(),
        None => submission::<T>(id).committee.into_inner(),
    };
    seats.into_iter().map(|seat| seat.member).collect()
}

/// Those who judge now and wait for the key.
pub fn waiting<T: Stage>(id: TaskId) -> Vec<AccountOf<T>> {
    let seats = match Appeals::<T>::get(id, 0) {
        Some(appeal) => appeal.jury.into_inner(),
        None => submission::<T>(id).committee.into_inner(),
    };
    seats.into_iter().filter(|seat| seat.wrap.is_none()).map(|seat| seat.member).collect()
}

pub fn hand_key<T: Stage>(id: TaskId) {
    let wraps = wraps::<T>(&waiting::<T>(id));
    let origin = by::<T>(&contributor::<T>());
    Pallet::<T>::hand_key(origin, id, 0, wraps).expect("they wait for it");
}

/// What a member says, with a segment that it replayed.
pub fn attestation<T: Stage>(id: TaskId, verdict: Verdict) -> Attestation {
    let replay = Tasks::<T>::get(id).and_then(|task| task.terms.replay);
    let segment = submission::<T>(id)
        .seed
        .zip(replay)
        .and_then(|(seed, replay)| draw::segments(seed, replay).pop());
    Attestation { verdict, score: MILLION, report: cid(), segment }
}

pub fn commitment<T: Stage>(id: TaskId, member: &AccountOf<T>, verdict: Verdict) -> Digest {
    let index: Index = 0;
    commitments::finding(id, index, member, &attestation::<T>(id, verdict), &SALT)
}

pub fn commit<T: Stage>(id: TaskId, members: &[AccountOf<T>], verdict: Verdict) {
    for member in members {
        let commitment = commitment::<T>(id, member, verdict);
        Pallet::<T>::commit(by::<T>(member), id, 0, commitment).expect("it is on the panel");
    }
}

pub fn reveal<T: Stage>(id: TaskId, members: &[AccountOf<T>], verdict: Verdict) {
    for member in members {
        let found = attestation::<T>(id, verdict);
        Pallet::<T>::reveal(by::<T>(member), id, 0, found, SALT).expect("it committed to that");
    }
}

/// A time from now.
pub fn after<T: Stage>(time: Millis) -> Millis {
    Pallet::<T>::now().saturating_add(time)
}

/// Nobody can be paid in the asset.
pub fn freeze<T: Stage>() {
    pallet_assets::Pallet::<T>::freeze_asset(by::<T>(&creator::<T>()), ASSET.into())
        .expect("the creator issues it");
}

/// Everybody can be paid in the asset again.
pub fn thaw<T: Stage>() {
    pallet_assets::Pallet::<T>::thaw_asset(by::<T>(&creator::<T>()), ASSET.into())
        .expect("the creator issues it");
}

/// A chain on which the stage can be set.
#[cfg(test)]
pub fn empty() -> sp_io::TestExternalities {
    use sp_runtime::BuildStorage;
    let genesis = frame_system::GenesisConfig::<crate::mock::Test>::default();
    genesis.build_storage().unwrap().into()
}
