import t from 'tap';
import { packedPosition, splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { inFront } from '../vhost-user/stops-under-way.ts';

t.test(
  'how far a base of a split ring is in front of its used elements, over the wrap of the index as well',
  async (t) => {
    t.equal(inFront(splitPosition(12), splitPosition(10), 16), 2);
    t.equal(inFront(splitPosition(10), splitPosition(12), 16), -2);
    t.equal(inFront(splitPosition(1), splitPosition(65535), 16), 2);
    t.equal(inFront(splitPosition(65535), splitPosition(1), 16), -2);
  },
);

t.test('the same of a packed ring, over the end of its slots', async (t) => {
  const at = (slot: number, wrap: 0 | 1) => packedPosition(slot, wrap);
  t.equal(inFront(at(3, 1), at(1, 1), 16), 2);
  t.equal(inFront(at(1, 1), at(3, 1), 16), -2);
  t.equal(inFront(at(1, 0), at(15, 1), 16), 2);
  t.equal(inFront(at(15, 1), at(1, 0), 16), -2);
  t.equal(inFront(at(5, 0), at(5, 1), 16), 16, 'all slots');
});

t.test('positions of two layouts are not compared', async (t) => {
  t.throws(() => inFront(splitPosition(0), packedPosition(0, 1), 16), RangeError);
});
