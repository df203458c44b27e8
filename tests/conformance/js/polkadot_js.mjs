// polkadot.js against a chain: `node polkadot_js.mjs URL` reads, subscribes, transfers.
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { Sender } from './sender.mjs';
import { report } from './support.mjs';

await report(async () => {
  const provider = new WsProvider(process.argv[2]);
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  const keys = new Keyring({ type: 'sr25519' });
  const [alice, bob, nobody] = ['//Alice', '//Bob', '//Nobody'].map((uri) => keys.addFromUri(uri));
  const sender = new Sender(api);
  const { transferKeepAlive, transferAllowDeath } = api.tx.balances;

  const heads = [];
  const finalized = [];
  const balances = [];
  const events = [];
  const stops = await Promise.all([
    api.rpc.chain.subscribeNewHeads((head) => heads.push(head.number.toNumber())),
    api.rpc.chain.subscribeFinalizedHeads((head) => finalized.push(head.number.toNumber())),
    api.query.system.account(bob.address, (account) => balances.push(account.data.free.toBigInt())),
    api.query.system.events((records) => {
      events.push(...records.map(({ event }) => `${event.section}.${event.method}`));
    }),
  ]);
  const before = (await api.query.system.account(bob.address)).data.free.toBigInt();
  const mortal = await sender.send(transferKeepAlive(bob.address, 12345n), alice);
  const failing = await sender.send(transferAllowDeath(bob.address, 1n << 100n), alice, { era: 0 });

  // A transaction that comes before its predecessor waits for it.
  const nonce = (await api.rpc.system.accountNextIndex(alice.address)).toNumber();
  const later = sender.send(transferKeepAlive(bob.address, 5n), alice, { nonce: nonce + 1 });
  const batch = api.tx.utility.batchAll([api.tx.system.remark('0x11'), api.tx.system.remark('0x22')]);
  const [first, second] = [await sender.send(batch, alice, { nonce }), await later];
  let refused = '';
  await sender.send(transferKeepAlive(alice.address, 1n), nobody).catch((error) => (refused = error.message));

  const head = await api.rpc.chain.getHeader();
  const past = await api.at(await api.rpc.chain.getBlockHash(1));
  const fee = (await transferKeepAlive(bob.address, 1n).paymentInfo(alice)).partialFee.toBigInt();
  const result = {
    chain: (await api.rpc.system.chain()).toString(),
    runtime: api.runtimeVersion.specName.toString(),
    genesis: api.genesisHash.toHex(),
    pallets: api.runtimeMetadata.asLatest.pallets.map((pallet) => pallet.name.toString()),
    mortal,
    failing,
    batch: first,
    waited: second,
    refused,
    fee,
    moved: (await api.query.system.account(bob.address)).data.free.toBigInt() - before,
    headHash: head.hash.toHex(),
    headHashTold: (await api.rpc.chain.getBlockHash(head.number.unwrap())).toHex(),
    numberAtOne: (await past.query.system.number()).toNumber(),
    accounts: (await api.query.system.account.entries()).length,
    heads,
    finalized,
    balances,
    events,
  };
  stops.forEach((stop) => stop());
  await api.disconnect();
  return result;
});
