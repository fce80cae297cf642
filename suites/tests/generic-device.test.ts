import t from 'tap';
import { deviceTypeOf } from '../../drivers/devices/device-types.ts';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { control } from '../../judging/control.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { allCases } from '../all-cases.ts';
import { variantsOf } from '../case.ts';
import { applicability } from '../runner/applicability.ts';
import { type Judgement, judge } from '../runner/judge.ts';
import { requestsMissing } from '../runner/request-needs.ts';

/** The reference's disk, as a device that we have no driver of. */
function unknownDevice(faults: Parameters<typeof openReference>[0]['faults'] = []): DriverPort {
  const port: DriverPort = openReference({ device: 'block', faults, deadlineMs: 20_000 });
  const workload = deviceTypeOf('generic').external;
  Object.defineProperty(port, 'facts', { value: { ...port.facts, workload } });
  t.teardown(() => port.close());
  return port;
}

/** Ids of cases that ask for requests of the device, and what they lack. */
const unasked = new Map<string, readonly string[]>();

/** Judges every case of vhost-user and of virtio that is about no one device, one variant each. */
function judgeAll(port: DriverPort): Map<string, Judgement> {
  const contact = firstContact(port);
  if (contact.kind === 'not-served') throw new Error(contact.why);
  const { offer } = contact;
  const judgements = new Map<string, Judgement>();
  for (const definition of allCases) {
    if (definition.applies.devices !== undefined || definition.applies.iuts === 2) continue;
    if (applicability(definition, port.facts, offer).length > 0) continue;
    const [variant = {}] = variantsOf(definition);
    const lacking = requestsMissing(definition, variant, port.facts);
    if (lacking.length > 0) {
      unasked.set(definition.id, lacking);
      continue;
    }
    const options = { seed: 1, mostPoints: 4, referenceMeetsDeadline: () => true };
    judgements.set(definition.id, judge(port, definition, variant, offer, options));
    if (!port.iut.isAlive()) port.iut.restart();
  }
  return judgements;
}

t.test('messages, memory, the life of rings and broken chains are judged; requests do not apply', async (t) => {
  const judgements = judgeAll(unknownDevice());
  const of = (verdict: string): string[] =>
    [...judgements].filter(([, judgement]) => judgement.verdict === verdict).map(([id]) => id);
  const strange = [...judgements].filter(([, { verdict }]) => verdict !== 'pass');
  t.same(
    strange.map(([id, { verdict, findings, error }]) => `${id}: ${verdict} ${error ?? findings[0]?.what}`),
    [],
    'npm run request-needs -- ID... lists what a case asks for',
  );
  const passed = of('pass');
  for (const folder of ['vhost-user/header/', 'vhost-user/memory', 'vhost-user/vring', 'virtio/split-ring/']) {
    t.ok(
      passed.some((id) => id.startsWith(folder)),
      `${folder} is judged`,
    );
  }
  t.match(unasked.get('virtio/split-ring/used-idx-wraps-at-65536'), [/requests of a device/]);
  t.ok(passed.length > 60, `${passed.length} cases pass, ${unasked.size} need requests`);
});

t.test('a crash at a broken chain is found without a request', async (t) => {
  const port = unknownDevice(['next-out-of-range-crashes']);
  const found = [...judgeAll(port)].filter(([, { findings }]) => findings.some(({ how }) => how === 'crash'));
  t.ok(
    found.some(([id]) => id.startsWith('virtio/split-ring/')),
    found.map(([id]) => id).join(),
  );
});

t.test('the control of a device without requests is a fence behind a ring that runs', async (t) => {
  t.match(control(unknownDevice()), { kind: 'completed' });
});
