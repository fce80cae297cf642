import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { featureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { inTable, vhostUserFault } from '../../reference-impl/faults/transport/vhost-user/vhost-user-fault.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { judge } from '../runner/judge.ts';
import { unofferedRefused } from '../vhost-user/features.cases.ts';
import { badSizesRefused } from '../vhost-user/vring-limits.cases.ts';

const deadlineMs = 20_000;

t.test('a back-end that refuses the sound message as well proves nothing', async (t) => {
  const noSize = vhostUserFault(
    'vu-vring/bad-ring-size-refused',
    'no size is accepted',
    inTable('vring', { acceptsSize: () => false }),
  );
  const all = [
    [unofferedRefused, openReference({ device: 'block', faults: ['second-set-features-refused'], deadlineMs })],
    [badSizesRefused, openReference({ device: 'block', rules: noSize.apply(referenceRules), deadlineMs })],
  ] as const;
  for (const [definition, port] of all) {
    const opened = port.connect();
    if (opened.kind === 'refused') throw new Error(opened.why);
    const { offered } = opened.session.negotiate({});
    opened.session.close();
    const result = judge(port, definition, {}, featureSet(offered), { seed: 1, referenceMeetsDeadline: () => true });
    t.equal(result.verdict, 'inconclusive', definition.id);
    t.match(result.outcomes, [{ why: /the control, the message without the flaw, was refused too/ }]);
    port.close();
  }
});
