import t from 'tap';
import type { DriverPort, TargetFacts } from '../../drivers/port/port.ts';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { openPciReference } from '../../drivers/reference/open-pci-reference.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { openVdpaReference } from '../../drivers/reference/open-vdpa-reference.ts';
import { openVhostNetReference } from '../../drivers/reference/open-vhost-net-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { referenceDeviceNames, sharedDeviceNames } from '../../reference-impl/devices/reference-devices.ts';
import { allCases } from '../../suites/all-cases.ts';
import type { AnyCase } from '../../suites/case.ts';
import { applicability, elsewhereOf } from '../../suites/runner/applicability.ts';

interface Known {
  readonly facts: TargetFacts;
  readonly offer: FeatureSet;
}

function known(port: DriverPort): Known {
  const contact = firstContact(port);
  port.close();
  if (contact.kind !== 'served') throw new Error(contact.why);
  return { facts: port.facts, offer: contact.offer };
}

const missingOf = (definition: AnyCase, { facts, offer }: Known): string[] =>
  applicability(definition, facts, offer, { facts, offer });

for (const device of ['block', 'net'] as const) {
  t.test(`every case applies to the ${device} reference, or is about another transport or device`, async (t) => {
    const reference = known(openReference({ device }));
    for (const definition of allCases) {
      if (elsewhereOf(definition, reference.facts) !== undefined) continue;
      t.same(missingOf(definition, reference), [], definition.id);
    }
  });
}

t.test('every case applies to one of the references', async (t) => {
  const shared = sharedDeviceNames.flatMap((device) => [
    ...(['l1', 'l2-strict'] as const).map((mode) => known(openMdevReference({ device, mode }))),
    known(openPciReference({ device })),
    ...(['eventfd', 'doorbell'] as const).map((notifyBy) => known(openVdpaReference({ device, notifyBy }))),
  ]);
  const references = [
    ...referenceDeviceNames.map((device) => known(openReference({ device }))),
    ...shared,
    known(openVhostNetReference({ device: 'net' })),
  ];
  for (const definition of allCases) {
    t.ok(
      references.some((reference) => missingOf(definition, reference).length === 0),
      definition.id,
    );
  }
});
