// The marketplace through polkadot.js: `node market.mjs URL` has aggregators elected, creates a
// task, accepts it, submits a result, has it judged, and says what events the chain told of.
// Calls and types are those of the runtime's own metadata. What is sent is made up: the chain
// checks hashes, not what is behind them.
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { field, judge } from './judging.mjs';
import { Sender } from './sender.mjs';
import { report } from './support.mjs';

const UNIT = 10n ** 12n;
const HOUR = 3_600_000;
const BUNDLE = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi';

/** Terms of a small task, at a moment of the chain's clock. */
const terms = (now) => ({
  taskType: 'ModelContributor',
  strategy: 'AutoAccept',
  modelType: 'Vision',
  storage: 'IPFS',
  bundle: BUNDLE,
  reward: 5n * UNIT,
  asset: null,
  fee: UNIT / 2n,
  committeeSize: 3,
  tolerance: 10_000,
  bond: 2n * UNIT,
  slots: 1,
  expiresAt: now + HOUR,
  workingTime: HOUR,
  reviewTime: HOUR,
  challengeTime: 0,
  parent: null,
  reader: '0x' + '05'.repeat(32),
  access: 'Open',
  minimumReputation: 0,
  replay: null,
  golds: [],
});

await report(async () => {
  const provider = new WsProvider(process.argv[2]);
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  const keys = new Keyring({ type: 'sr25519' });
  const key = (uri) => keys.addFromUri(uri);
  const [creator, contributor] = ['//Alice', '//Bob'].map(key);
  const aggregators = ['//Dave', '//Eve', '//Ferdie'].map(key);
  const sender = new Sender(api);
  const block = () => provider.send('engine_createBlock', [true, true]);
  const heard = [];
  const stop = await api.query.system.events((records) => {
    for (const { event } of records) {
      if (event.section === 'market') heard.push(event.method);
    }
  });

  await elect(api, sender, aggregators, ['//Alice//stash', '//Bob//stash'].map(key), block);
  const now = (await api.query.timestamp.now()).toNumber();
  const made = await sender.done(api.tx.market.createTask(terms(now)), creator);
  const task = field(made, 'market.TaskCreated', 'task');
  await sender.done(api.tx.market.acceptTask(task), contributor);
  const before = await free(api, contributor);
  await judge(api, sender, task, contributor, aggregators, block);
  const result = {
    task,
    heard,
    submission: (await api.query.market.submissions(task, 0)).toHuman(),
    status: (await api.query.market.tasks(task)).toHuman().status,
    earned: (await free(api, contributor)) - before,
    twice: (await sender.send(api.tx.market.acceptTask(task), key('//Charlie'))).error,
  };
  stop();
  await api.disconnect();
  return result;
});

/** Candidates, votes, and blocks until the term begins. */
async function elect(api, sender, aggregators, voters, block) {
  for (const [index, aggregator] of aggregators.entries()) {
    const { register } = api.tx.aggregators;
    await sender.done(register('https://example.org', '0x' + '07'.repeat(32)), aggregator);
    await sender.done(api.tx.elections.submitCandidacy(index), aggregator);
  }
  const addresses = aggregators.map(({ address }) => address);
  for (const voter of voters) {
    await sender.done(api.tx.elections.vote(addresses, 1000n * UNIT), voter);
  }
  const most = api.consts.elections.termDuration.toNumber();
  for (let blocks = 0; blocks <= most; blocks += 1) {
    if ((await api.query.aggregators.inOffice()).length > 0) return;
    await block();
  }
  throw new Error('nobody was elected');
}

async function free(api, { address }) {
  return (await api.query.system.account(address)).data.free.toBigInt();
}
