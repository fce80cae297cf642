import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { allCases } from '../../suites/all-cases.ts';
import type { AnyCase } from '../../suites/case.ts';
import { applicability } from '../../suites/runner/applicability.ts';
import { readExpectations } from '../../suites/runner/expectations.ts';
import { casePattern, selectCases } from '../../suites/runner/plan.ts';
import { requirementFacts } from '../catalogue-facts.ts';

const path = fileURLToPath(new URL('../../../fixtures/expectations/reference-not-applicable.json', import.meta.url));
const listed = readExpectations(path);
const planned = selectCases(allCases, { cases: [], features: [], level: 'all' }, requirementFacts);

const mdevOffers = (['l1', 'l2-strict'] as const).flatMap((mode) =>
  (['block', 'net'] as const).map((device) => {
    const port = openMdevReference({ device, mode });
    const contact = firstContact(port);
    port.close();
    if (contact.kind !== 'served') throw new Error(contact.why);
    return { facts: port.facts, offer: contact.offer };
  }),
);

function appliesOverMdev(definition: AnyCase): boolean {
  return mdevOffers.some(({ facts, offer }) => applicability(definition, facts, offer, { facts, offer }).length === 0);
}

for (const [name, device] of [
  ['reference', 'block'],
  ['reference-net', 'net'],
] as const) {
  t.test(`the list of what does not apply to ${name} is exact`, async (t) => {
    const port = openReference({ device });
    t.teardown(() => port.close());
    const contact = firstContact(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const patterns = listed.filter(({ target }) => target === name);
    for (const { key, definition, variant } of planned) {
      const missing = applicability(definition, port.facts, contact.offer, { facts: port.facts, offer: contact.offer });
      const isListed = patterns.some((entry) => casePattern(entry.case)({ caseId: definition.id, variant, key }));
      if (missing.length > 0 !== isListed) t.fail(`${key}: ${isListed ? 'applies' : missing.join(', ')}`);
    }
    for (const entry of patterns) {
      t.equal(entry.verdict, 'not-applicable');
      t.ok(
        planned.some(({ key, definition, variant }) =>
          casePattern(entry.case)({ caseId: definition.id, variant, key }),
        ),
        entry.case,
      );
    }
  });
}

t.test('every case applies to one of the references', async (t) => {
  const others = planned.filter(({ key, definition, variant }) =>
    ['reference', 'reference-net'].every((name) =>
      listed.some((entry) => entry.target === name && casePattern(entry.case)({ caseId: definition.id, variant, key })),
    ),
  );
  t.same(
    others.filter(({ definition }) => !appliesOverMdev(definition)).map(({ key }) => key),
    [],
  );
});
