import { commonConfig } from '../../reference-impl/wire/virtio-pci.ts';
import type { KnownState } from './known-state.ts';
import type { Call } from './program.ts';
import { lawful, unfollowed, type Verdict } from './verdict.ts';

type PciCall = Extract<Call, { readonly kind: 'pci-read' | 'pci-write' | 'pci-window' }>;

/** A driver selects a queue or a window ahead of each access that needs it. */
const selectors = [commonConfig.deviceFeatureSelect, commonConfig.driverFeatureSelect, commonConfig.queueSelect];

const isSelector = (offset: number, bytes: number): boolean =>
  selectors.some((place) => place.at === offset && place.bytes === bytes);

/** How an access by hand stands to what rings need. What it may bring is judged by itself. */
export function pciVerdict({ target }: KnownState, call: PciCall): Verdict {
  if (target.transport !== 'virtio-pci') return lawful;
  const { kind, place, offset } = call;
  if (kind === 'pci-read') return place === 'window' || place === 'notify' ? byHand : lawful;
  if (place === 'common' && isSelector(offset, call.bytes.length)) return lawful;
  if (kind === 'pci-window' && call.bytes.length === 0 && place !== 'notify') return lawful;
  return byHand;
}

const byHand = unfollowed('session', 'an access by hand');
