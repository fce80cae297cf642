import t from 'tap';
import { errno } from '../../reference-impl/wire/errno.ts';
import { callOutcome } from '../session/call-outcome.ts';

t.test('what a call returned, as a control outcome', async (t) => {
  t.same(callOutcome(0), { kind: 'done', by: 'return' });
  t.same(callOutcome(-errno.EINVAL), { kind: 'refused', by: 'errno', value: errno.EINVAL });
  t.same(callOutcome(errno.EEXIST), { kind: 'refused', by: 'errno', value: errno.EEXIST });
});

t.test('a device that is gone closed the session; it refused nothing', async (t) => {
  for (const gone of [errno.ENODEV, errno.EBADF]) t.same(callOutcome(-gone), { kind: 'closed' });
});
