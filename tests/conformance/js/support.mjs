// What every script here needs: one line of JSON out, a deadline, and no fault unseen.

export const DEADLINE_SECONDS = 90;

/** Run `work`, print what it returns as one line of JSON, and end. */
export async function report(work) {
  const timer = setTimeout(() => fail(new Error(`not done after ${DEADLINE_SECONDS} s`)), DEADLINE_SECONDS * 1000);
  try {
    const result = await work();
    clearTimeout(timer);
    process.stdout.write(JSON.stringify(result, plain) + '\n', () => process.exit(0));
  } catch (error) {
    fail(error);
  }
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

/** Big numbers become text: JSON has none. */
function plain(_, value) {
  return typeof value === 'bigint' ? value.toString() : value;
}
