import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { handling, vhostUserFault } from '../../reference-impl/faults/transport/vhost-user/vhost-user-fault.ts';
import { done } from '../../reference-impl/vhost-user/handled.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import type { Failure } from '../failure.ts';
import { Silences } from '../silence.ts';

/** Virtual in process; a control must finish in a twentieth of it, however busy the machine. */
const deadlineMs = 20_000;

const silence: Failure = {
  how: 'stalled',
  what: 'used elements',
  expected: 'it comes in time',
  actual: 'nothing within 20000 ms',
  traceEvent: 7,
  silent: true,
};

/** A back-end that completes nothing: it forgets every SET_VRING_ENABLE. */
const neverEnabling = vhostUserFault(
  'vu-ring-state/enabled-ring-handles-every-request',
  'rings are never enabled',
  handling('VHOST_USER_SET_VRING_ENABLE', () => done),
).apply(referenceRules);

function settled(port: DriverPort, referenceMeetsDeadline: boolean) {
  try {
    return new Silences(port, { referenceMeetsDeadline: () => referenceMeetsDeadline }).settle(silence);
  } finally {
    port.close();
  }
}

t.test('silence is a stall where a control completes', async (t) => {
  const found = settled(openReference({ device: 'block', deadlineMs }), true);
  t.match(found, { kind: 'failure', failure: { how: 'stalled', what: 'used elements', traceEvent: 7 } });
  t.notOk(found.kind === 'failure' && 'silent' in found.failure);
});

t.test('silence is a hang where the control fails too, unless the reference is as slow', async (t) => {
  const broken = (): DriverPort => openReference({ device: 'block', rules: neverEnabling, deadlineMs });
  t.match(settled(broken(), true), { kind: 'failure', failure: { how: 'hang', actual: /a fresh session fails too/ } });
  t.match(settled(broken(), false), { kind: 'inconclusive', why: /the reference is as slow/ });
});
