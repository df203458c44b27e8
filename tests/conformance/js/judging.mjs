// How a committee judges a result, from sending it to the payment.
import { u8aConcat } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';

export const CID = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';
const DIGEST = '0x' + '06'.repeat(32);
const SCORE = 900_000;

/** Sealed, committed, revealed; the transaction that shows the key pays. */
export async function judge(api, sender, task, contributor, aggregators, block) {
  const { submitResult, drawCommittee, handKey, commit, reveal, releaseKey } = api.tx.market;
  const wrap = '0x' + '09'.repeat(80);
  const seal = { keyDigest: blake2AsHex('0x' + '08'.repeat(32)), release: blake2AsHex(wrap) };
  await sender.done(submitResult(task, CID, DIGEST, seal, null), contributor);
  const members = await draw(api, sender, drawCommittee(task, 0), contributor, aggregators, block);
  const wraps = members.map(({ address }) => [address, wrap]);
  await sender.done(handKey(task, 0, wraps), contributor);

  const [, , attestationType] = reveal.meta.args.map(({ type }) => type.toString());
  const attestation = { verdict: 'Pass', score: SCORE, report: CID, segment: null };
  const salt = '0x' + '04'.repeat(32);
  for (const member of members) {
    const contents = [
      api.createType('u64', task),
      api.createType('u32', 0),
      api.createType('AccountId32', member.address),
      api.createType(attestationType, attestation),
    ].map((part) => part.toU8a());
    const preimage = u8aConcat('decentralml/finding', ...contents, salt);
    await sender.done(commit(task, 0, blake2AsHex(preimage)), member);
  }
  for (const member of members) await sender.done(reveal(task, 0, attestation, salt), member);
  await sender.done(releaseKey(task, 0, wrap), members[0]);
}

/** The members that a block's hash seated. */
async function draw(api, sender, call, anyone, aggregators, block) {
  await block();
  await block();
  const drawn = field(await sender.done(call, anyone), 'market.CommitteeDrawn', 'members');
  return aggregators.filter(({ address }) => drawn.includes(address));
}

export function field({ events }, name, wanted) {
  const event = events.find((candidate) => candidate.name === name);
  return event.data[event.fields.indexOf(wanted)];
}
