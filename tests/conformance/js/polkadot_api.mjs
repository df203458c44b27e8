// polkadot-api against a chain, over the JSON-RPC groups of the new interface:
// `node polkadot_api.mjs URL` reads, watches, transfers.
import { createClient, Enum } from 'polkadot-api';
import { getPolkadotSigner } from 'polkadot-api/signer';
import { getWsProvider } from 'polkadot-api/ws';
import { sr25519CreateDerive } from '@polkadot-labs/hdkd';
import { DEV_PHRASE, entropyToMiniSecret, mnemonicToEntropy, ss58Address } from '@polkadot-labs/hdkd-helpers';
import { report } from './support.mjs';

const derive = sr25519CreateDerive(entropyToMiniSecret(mnemonicToEntropy(DEV_PHRASE)));

function account(name) {
  const { publicKey, sign } = derive(`//${name}`);
  return { address: ss58Address(publicKey, 42), signer: getPolkadotSigner(publicKey, 'Sr25519', sign) };
}

await report(async () => {
  const client = createClient(getWsProvider(process.argv[2]));
  const api = client.getUnsafeApi();
  const { System, Balances } = api.query;
  const [alice, bob, nobody] = ['Alice', 'Bob', 'Nobody'].map(account);
  const transfer = (value) =>
    api.tx.Balances.transfer_keep_alive({ dest: Enum('Id', bob.address), value });

  const finalized = [];
  const watched = client.finalizedBlock$.subscribe(({ number }) => finalized.push(number));
  const entries = [];
  let accounts;
  // How it stands, and three transactions.
  const watchedFour = new Promise((resolve) => {
    accounts = System.Account.watchEntries().subscribe(({ deltas }) => {
      if (deltas) entries.push(deltas.upserted.map(({ args }) => args[0]));
      if (entries.length === 4) resolve();
    });
  });
  const before = (await System.Account.getValue(bob.address)).data.free;
  const issuance = await Balances.TotalIssuance.getValue();

  const statuses = [];
  const outcome = await new Promise((resolve, reject) => {
    transfer(12345n).signSubmitAndWatch(alice.signer).subscribe({
      next: (status) => {
        statuses.push(status.type);
        if (status.type === 'finalized') resolve(status);
      },
      error: reject,
    });
  });
  const again = await transfer(5n).signAndSubmit(alice.signer);
  const failing = await api.tx.Balances.transfer_allow_death({
    dest: Enum('Id', bob.address),
    value: 1n << 100n,
  }).signAndSubmit(alice.signer);
  let refused = null;
  await transfer(1n).signAndSubmit(nobody.signer).catch((error) => (refused = error.error ?? error.message));

  await watchedFour;
  const block = await client.getFinalizedBlock();
  const result = {
    spec: await client.getChainSpecData(),
    version: (await api.constants.System.Version()).spec_name,
    statuses,
    ok: outcome.ok,
    events: outcome.events.map(({ type, value }) => `${type}.${value.type}`),
    inBlock: outcome.block,
    body: (await client.getBlockBody(again.block.hash)).length,
    failing: { ok: failing.ok, error: failing.dispatchError?.type },
    refused,
    fee: await transfer(1n).getEstimatedFees(alice.address),
    nonce: await api.apis.AccountNonceApi.account_nonce(alice.address),
    moved: (await System.Account.getValue(bob.address)).data.free - before,
    burned: issuance - (await Balances.TotalIssuance.getValue()),
    past: (await System.Number.getValue({ at: outcome.block.hash })),
    accounts: (await System.Account.getEntries()).length,
    header: (await client.getBlockHeader(block.hash)).number,
    block,
    finalized,
    entries,
    addresses: [alice.address, bob.address],
  };
  watched.unsubscribe();
  accounts.unsubscribe();
  client.destroy();
  return result;
});
