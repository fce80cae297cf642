import t, { type Test } from 'tap';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { allCases } from '../all-cases.ts';
import { variantsOf } from '../case.ts';
import { applicability } from '../runner/applicability.ts';
import { judge } from '../runner/judge.ts';

const virtioCases = allCases.filter(({ id }) => id.startsWith('virtio/'));
const mdevCases = allCases.filter(({ id }) => id.startsWith('vhost-mdev/'));

interface Judged {
  readonly caseId: string;
  readonly key: string;
  readonly verdict: string;
}

type Mode = Parameters<typeof openMdevReference>[0]['mode'];
type Device = Parameters<typeof openMdevReference>[0]['device'];

/** Every result of the cases that apply, on a fresh reference; nothing may be left behind. */
function judged(t: Test, cases: typeof allCases, mode: Mode, device: Device): Judged[] {
  const port = openMdevReference({ device, mode, notifyBy: mode === 'l1' ? 'mmap' : 'write' });
  t.teardown(() => port.close());
  const contact = firstContact(port);
  if (contact.kind !== 'served') throw new Error(contact.why);
  const { offer } = contact;
  const results = cases
    .filter((definition) => applicability(definition, port.facts, offer).length === 0)
    .flatMap((definition) =>
      variantsOf(definition).map((variant) => {
        const { verdict } = judge(port, definition, variant, offer, { seed: 1, referenceMeetsDeadline: () => true });
        return { caseId: definition.id, key: `${definition.id} ${JSON.stringify(variant)}`, verdict };
      }),
    );
  t.equal(port.iut.resources()?.descriptors, 0, 'nothing is left behind');
  return results;
}

const failures = (results: readonly Judged[]): string[] =>
  results.filter(({ verdict }) => verdict !== 'pass').map(({ key, verdict }) => `${key}: ${verdict}`);

for (const mode of ['l1', 'l2-strict'] as const) {
  for (const device of ['block', 'net'] as const) {
    t.test(`the virtio suites over vhost-mdev, ${mode}, ${device}`, async (t) => {
      const results = judged(t, virtioCases, mode, device);
      t.same(failures(results), []);
      t.ok(results.length > 90, `${results.length} results`);
    });
  }
}

t.test('the vhost-mdev suite passes in every layout', async (t) => {
  const ran = new Set<string>();
  for (const mode of ['l1', 'l2-strict'] as const) {
    for (const device of ['block', 'net'] as const) {
      const results = judged(t, mdevCases, mode, device);
      t.same(failures(results), [], `${mode}, ${device}`);
      for (const { caseId } of results) ran.add(caseId);
    }
  }
  t.same(
    mdevCases.map(({ id }) => id).filter((id) => !ran.has(id)),
    [],
    'each case runs in some layout',
  );
  t.ok(ran.size >= 50, `${ran.size} cases`);
});
