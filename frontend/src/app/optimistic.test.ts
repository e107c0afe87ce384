import { expect, test } from 'vitest';
import { OptimisticWrites } from './optimistic';

/** A writer whose sends wait until the test settles them. */
function recorder() {
  const shown: (number | null)[] = [];
  const sent: (number | null)[] = [];
  const stored: (number | null)[] = [];
  const refused: (number | null)[] = [];
  const pending: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const writes = new OptimisticWrites<number | null>({
    show: (_, value) => shown.push(value),
    send: (_, value) => {
      sent.push(value);
      return new Promise<void>((resolve, reject) => pending.push({ resolve, reject }));
    },
    stored: (_, value) => stored.push(value),
    refused: (_, value) => refused.push(value),
  });
  const settle = async (refusal?: Error) => {
    const next = pending.shift();
    if (refusal) next?.reject(refusal);
    else next?.resolve();
    await new Promise((done) => setTimeout(done));
  };
  return { writes, shown, sent, stored, refused, settle };
}

test('a value is shown before the service has answered', async () => {
  const { writes, shown, stored, settle } = recorder();

  writes.write(1, 4, null);

  expect(shown).toEqual([4]);
  expect(stored).toEqual([]);
  await settle();
  expect(stored).toEqual([4]);
});

test('while one write is on its way only the last wish follows', async () => {
  const { writes, sent, stored, settle } = recorder();

  for (const value of [1, 2, 3, 4]) writes.write(1, value, null);
  await settle();
  await settle();

  expect(sent).toEqual([1, 4]);
  expect(stored).toEqual([1, 4]);
});

test('a refusal shows what is stored again and names what was wanted', async () => {
  const { writes, shown, refused, settle } = recorder();

  writes.write(1, 5, 3);
  await settle(new Error('refused'));

  expect(shown).toEqual([5, 3]);
  expect(refused).toEqual([5]);
});

test('a refusal after a success rolls back to that success', async () => {
  const { writes, shown, refused, settle } = recorder();

  writes.write(1, 2, null);
  writes.write(1, 5, 2);
  await settle();
  await settle(new Error('refused'));

  expect(shown).toEqual([2, 5, 2]);
  expect(refused).toEqual([5]);
});

test('a wish newer than the refused one is still tried', async () => {
  const { writes, sent, stored, refused, settle } = recorder();

  writes.write(1, 2, null);
  writes.write(1, 5, 2);
  await settle(new Error('refused'));
  await settle();

  expect(sent).toEqual([2, 5]);
  expect(stored).toEqual([5]);
  expect(refused).toEqual([]);
});

test('keys do not wait for each other, and a lane can be used again', async () => {
  const { writes, sent, settle } = recorder();

  writes.write(1, 2, null);
  writes.write(7, null, 4);
  expect(sent).toEqual([2, null]);
  await settle();
  await settle();
  writes.write(1, 3, 2);

  expect(sent).toEqual([2, null, 3]);
});
