import t from 'tap';
import { eventsInUse } from '../iut-process/events-in-use.ts';
import { closeFd, eventfdCreate } from '../native/native.ts';

const count = 400;
/** Other processes have eventfds too, and make and close some meanwhile. */
const ofOthers = 100;

t.test('eventfds that are in use are counted', async (t) => {
  const before = eventsInUse();
  const held = Array.from({ length: count }, () => eventfdCreate());
  t.ok(eventsInUse() - before >= count - ofOthers);
  for (const descriptor of held) closeFd(descriptor);
  t.ok(eventsInUse() - before < count - ofOthers);
});
