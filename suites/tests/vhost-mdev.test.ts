import t from 'tap';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { allCases } from '../all-cases.ts';
import { variantsOf } from '../case.ts';
import { applicability } from '../runner/applicability.ts';
import { firstContact } from '../runner/first-contact.ts';
import { judge } from '../runner/judge.ts';

const virtioCases = allCases.filter(({ id }) => id.startsWith('virtio/'));

for (const mode of ['l1', 'l2-strict', 'l2-faithful'] as const) {
  for (const device of ['block', 'net'] as const) {
    t.test(`the virtio suites over vhost-mdev, ${mode}, ${device}`, async (t) => {
      const port = openMdevReference({ device, mode, notifyBy: mode === 'l1' ? 'mmap' : 'write' });
      t.teardown(() => port.close());
      const contact = firstContact(port);
      if (contact.kind !== 'served') throw new Error(contact.why);
      const { offer } = contact;
      const failed: string[] = [];
      let passed = 0;
      for (const definition of virtioCases) {
        if (applicability(definition, port.facts, offer).length > 0) continue;
        for (const variant of variantsOf(definition)) {
          const { verdict } = judge(port, definition, variant, offer, { seed: 1, referenceMeetsDeadline: () => true });
          if (verdict === 'pass') passed++;
          else failed.push(`${definition.id} ${JSON.stringify(variant)}: ${verdict}`);
        }
      }
      t.same(failed, []);
      t.ok(passed > 90, `${passed} results`);
      t.equal(port.iut.resources()?.descriptors, 0, 'nothing is left behind');
    });
  }
}
