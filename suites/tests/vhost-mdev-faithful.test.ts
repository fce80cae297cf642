import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { allCases } from '../all-cases.ts';
import { variantsOf } from '../case.ts';
import { applicability } from '../runner/applicability.ts';
import { readExpectations } from '../runner/expectations.ts';
import { judge } from '../runner/judge.ts';

const path = fileURLToPath(new URL('../../../fixtures/expectations/vhost-mdev-faithful.json', import.meta.url));
const known = readExpectations(path);

for (const [target, device] of [
  ['vhost-mdev-l2-faithful', 'block'],
  ['vhost-mdev-l2-faithful-net', 'net'],
] as const) {
  t.test(`what layout L2 as coded does wrong is known, ${device}`, async (t) => {
    const port = openMdevReference({ device, mode: 'l2-faithful' });
    t.teardown(() => port.close());
    const contact = firstContact(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const { offer } = contact;
    const seen = new Set<string>();
    for (const definition of allCases) {
      if (applicability(definition, port.facts, offer).length > 0) continue;
      for (const variant of variantsOf(definition)) {
        const { outcomes } = judge(port, definition, variant, offer, { seed: 1, referenceMeetsDeadline: () => true });
        for (const { requirement, outcome } of outcomes) {
          if (outcome !== 'pass' && outcome !== 'not-run') seen.add(`${definition.id} ${requirement} ${outcome}`);
        }
      }
    }
    const listed = known.filter((entry) => entry.target === target);
    t.same([...seen].sort(), listed.map((entry) => `${entry.case} ${entry.requirement} ${entry.verdict}`).sort());
    t.ok(listed.length > 20, `${listed.length} deviations`);
  });
}
