import t from 'tap';
import { NetPairsModel } from '../oracle/model/net-pairs-model.ts';

t.test('a driver sends on the pairs in use alone, which is the first one until a command came', (t) => {
  const pairs = new NetPairsModel();
  t.ok(pairs.maySend(1));
  t.notOk(pairs.maySend(3));
  pairs.set(2);
  t.ok(pairs.maySend(3));
  t.notOk(pairs.maySend(5));
  pairs.lose();
  t.notOk(pairs.maySend(1), 'where the number is not known, none is judged');
  pairs.reset();
  t.ok(pairs.maySend(1));
  t.notOk(pairs.maySend(3));
  t.end();
});

t.test('a frame comes on the receive queue of its pair', (t) => {
  const pairs = new NetPairsModel();
  t.equal(pairs.brokenBy(0, 0), undefined);
  t.equal(pairs.brokenBy(2, 0), 'net/first-receive-queue-only-after-reset');
  pairs.set(2);
  t.equal(pairs.brokenBy(2, 2), undefined);
  t.equal(pairs.brokenBy(2, 0), 'net/flow-returns-on-matching-queue');
  t.equal(pairs.brokenBy(4, 0), 'net/queues-beyond-pair-count-unused');
  pairs.set(1);
  t.equal(pairs.brokenBy(2, 0), 'net/queues-beyond-pair-count-unused');
  pairs.lose();
  t.equal(pairs.brokenBy(2, 0), undefined);
  t.end();
});
