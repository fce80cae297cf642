import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { Check } from '../check.ts';
import { growsNot } from '../resource-growth.ts';

const checkOf = (faults: Parameters<typeof openReference>[0]['faults'] = []) => {
  const port = openReference({ device: 'block', faults });
  const check = new Check('vu-reconnect/dead-connection-resources-released', new EventLog(() => 0));
  const opened = port.connect();
  if (opened.kind === 'refused') throw new Error(opened.why);
  const { session } = opened;
  session.negotiate({});
  growsNot(port, check, 'descriptors held', () => {
    const call = port.descriptors.eventfd();
    session.messages.send({ request: 'VHOST_USER_SET_VRING_CALL', payload: { u64: 0n }, descriptors: [call] });
    session.fence();
  });
  port.close();
  return check;
};

t.test('what is replaced and closed is no leak', async (t) => {
  const check = checkOf();
  t.same(check.failures, []);
  t.equal(check.evaluated, 1);
});

t.test('a leak is named by the kind of descriptor that grew', async (t) => {
  t.match(checkOf(['replaced-descriptor-kept']).failures, [
    { how: 'leak', what: 'descriptors held', actual: /^\d+: 8 more of anon_inode:\[eventfd\]$/ },
  ]);
});
