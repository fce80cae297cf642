import t from 'tap';
import { passesEvent } from '../../virtqueue/event-idx.ts';

/** The same question put to integers that do not wrap: is `event` among the entries that were passed? */
function modelPasses(event: number, before: bigint, moved: bigint): boolean {
  for (let index = before; index < before + moved; index++) if (index % 65536n === BigInt(event)) return true;
  return false;
}

t.test('agrees with counting, at every wrap point', async (t) => {
  let compared = 0;
  const wrong: string[] = [];
  for (const before of [0, 1, 2, 255, 256, 32766, 32767, 32768, 32769, 65533, 65534, 65535]) {
    for (const moved of [0, 1, 2, 3, 16, 257]) {
      const now = (before + moved) & 0xffff;
      for (let distance = -4; distance <= moved + 4; distance++) {
        const event = (before + distance) & 0xffff;
        compared++;
        if (passesEvent(event, now, before) !== modelPasses(event, BigInt(before), BigInt(moved))) {
          wrong.push(`event ${event} before ${before} now ${now}`);
        }
      }
    }
  }
  t.same(wrong, []);
  t.equal(compared, 12 * (279 + 6 * 9));
});

t.test('each of the 65536 places of used_event, for a move over the wrap', async (t) => {
  const passed = [];
  for (let event = 0; event < 65536; event++) if (passesEvent(event, 2, 65534)) passed.push(event);
  t.same(passed, [0, 1, 65534, 65535]);
});
