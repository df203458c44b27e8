// Sends transactions with polkadot.js and says what became of them.

export class Sender {
  constructor(api) {
    this.api = api;
  }

  /** Sign, send and wait until it is final: its statuses, its events, and its error if it failed. */
  send(tx, key, options = {}) {
    return new Promise((resolve, reject) => {
      const statuses = [];
      tx.signAndSend(key, options, (update) => {
        statuses.push(update.status.type);
        if (update.isError) reject(new Error(statuses.join(', ')));
        if (update.status.isFinalized) {
          const events = update.events.map(({ event }) => ({
            name: `${event.section}.${event.method}`,
            data: event.data.toJSON(),
            fields: event.data.names,
          }));
          const error = update.dispatchError ? this.explain(update.dispatchError) : null;
          resolve({ statuses, events, error, block: update.status.asFinalized.toHex() });
        }
      }).catch(reject);
    });
  }

  /** The same, of a call that must not fail. */
  async done(tx, key) {
    const result = await this.send(tx, key);
    if (result.error !== null) {
      throw new Error(`${tx.method.section}.${tx.method.method} failed: ${result.error}`);
    }
    return result;
  }

  explain(error) {
    if (!error.isModule) return error.toString();
    const { section, name } = this.api.registry.findMetaError(error.asModule);
    return `${section}.${name}`;
  }
}
