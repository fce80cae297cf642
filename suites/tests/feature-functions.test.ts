import t from 'tap';
import { openPciReference } from '../../drivers/reference/open-pci-reference.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import {
  allFeatures,
  featureFunctionOf,
  featureSetOf,
  isFeatureName,
  isRequirementSlug,
  namesIn,
} from '../../reference-impl/catalogue/catalogue.ts';
import { referenceDeviceNames, sharedDeviceNames } from '../../reference-impl/devices/reference-devices.ts';
import { allCases } from '../all-cases.ts';
import { citedRequirements } from '../axes.ts';

t.test('every bit that the reference offers says which requirements witness its function, or why none', async (t) => {
  for (const port of [
    ...referenceDeviceNames.map((device) => openReference({ device })),
    ...sharedDeviceNames.map((device) => openPciReference({ device })),
  ]) {
    const { device } = port.facts;
    const opened = port.connect();
    if (opened.kind === 'refused') throw new Error(opened.why);
    const names = ['VIRTIO_F_VERSION_1', ...port.facts.requiredFeatures] as const;
    const { offered } = opened.session.negotiate(featureSetOf(names, port.facts));
    for (const name of namesIn(offered, port.facts)) {
      t.ok(isFeatureName(name) && featureFunctionOf(name) !== undefined, `${name}, offered by the ${device} device`);
    }
    port.close();
  }
});

t.test('a witness is a requirement that a case cites', async (t) => {
  const cited = new Set(allCases.flatMap(citedRequirements));
  for (const { name } of allFeatures()) {
    const known = featureFunctionOf(name);
    if (known?.kind !== 'witnesses') continue;
    t.ok(known.requirements.length > 0, name);
    for (const slug of known.requirements) t.ok(isRequirementSlug(slug) && cited.has(slug), `${slug} of ${name}`);
  }
});
