import { constants } from 'node:os';
import t from 'tap';
import { errno, errorName } from '../wire/errno.ts';

t.test('numbers are those of this kernel; ENOTSUPP alone has no name in user space', async (t) => {
  const ofSystem: Readonly<Record<string, number>> = constants.errno;
  const own = Object.entries(errno).filter(([name]) => !(name in ofSystem));
  t.same(own.map(([name]) => name).sort(), ['EBADFD', 'ENOTBLK', 'ENOTSUPP'].sort());
  for (const [name, number] of Object.entries(errno)) {
    if (name in ofSystem) t.equal(number, ofSystem[name], name);
  }
});

t.test('the name of what a call returned', async (t) => {
  t.equal(errorName(-22), 'EINVAL');
  t.equal(errorName(-524), 'ENOTSUPP');
  t.equal(errorName(-4000), 'error 4000');
});
