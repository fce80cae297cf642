import assert from 'node:assert/strict';
import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { Examiner } from '../executor/examiner.ts';
import { knownTarget } from '../judging/known-target.ts';
import { type PropertyName, type PropertyTarget, propertyNames } from '../properties/properties.ts';
import { type Tried, tryProperty } from '../properties/try-property.ts';

function opened(device: ReferenceDevice, faults: readonly FaultName[]): PropertyTarget {
  const port = openReference({ device, deadlineMs: 60_000, faults });
  const contact = firstContacts(port);
  if (contact.kind !== 'served') throw new Error(contact.why);
  const known = knownTarget(port, contact.offer);
  return { port, known, examiner: new Examiner(port, { target: known, referenceMeetsDeadline: () => true }) };
}

/** A property on a reference with faults, beside one without. */
function tried(
  name: PropertyName,
  faults: readonly FaultName[],
  runs: number,
  device: ReferenceDevice = 'block',
): Tried {
  const [target, other] = [opened(device, faults), opened(device, [])];
  try {
    return tryProperty(name, target, other, { seed: 1, runs, step: () => undefined });
  } finally {
    target.port.close();
    other.port.close();
  }
}

for (const device of ['block', 'net', 'entropy'] as const) {
  t.test(`every property holds on the reference: ${device}`, (t) => {
    for (const name of propertyNames) {
      const result = tried(name, [], 5, device);
      if (result.kind !== 'not-applicable') t.match(result, { kind: 'held', runs: 5 }, name);
      else t.equal(name, 'unlawful-calls-leave-the-rest-intact');
    }
    t.end();
  });
}

/** For each property a fault that breaks it. */
const broken: Readonly<Record<PropertyName, FaultName>> = {
  'agrees-with-the-model': 'block-flush-fails',
  'unlawful-calls-leave-the-rest-intact': 'unknown-request-crashes',
  'stop-and-start-change-nothing': 'base-off-by-one',
  'split-and-packed-give-the-same': 'packed-table-takes-two-slots',
  'same-on-two-targets': 'block-read-inverts-last-byte',
};

for (const name of propertyNames) {
  t.test(`${name} is broken by ${broken[name]}, and by few calls`, (t) => {
    const result = tried(name, [broken[name]], 400);
    t.equal(result.kind, 'broken');
    if (result.kind === 'broken') {
      t.ok(result.shrinks > 0, `${result.shrinks} shrinks`);
      t.ok((result.programs[0]?.calls.length ?? 99) <= 28, `${result.programs[0]?.calls.length} calls`);
      if (name === 'same-on-two-targets') assert.deepEqual(tried(name, [broken[name]], 400), result, 'the same seed');
    }
    t.end();
  });
}
