import type { DriverPort, TargetFacts } from '../drivers/port/port.ts';
import { openMdevReference } from '../drivers/reference/open-mdev-reference.ts';
import { openPciReference } from '../drivers/reference/open-pci-reference.ts';
import { openReference } from '../drivers/reference/open-reference.ts';
import { openVdpaReference } from '../drivers/reference/open-vdpa-reference.ts';
import { openVhostNetReference } from '../drivers/reference/open-vhost-net-reference.ts';
import { firstContact } from '../judging/first-contact.ts';
import { type FeatureSet, namesIn, type Transport } from '../reference-impl/catalogue/catalogue.ts';
import {
  type ReferenceDevice,
  referenceDeviceNames,
  sharedDeviceNames,
} from '../reference-impl/devices/reference-devices.ts';
import type { Showing } from '../reference-impl/faults/fault.ts';
import type { FaultName } from '../reference-impl/faults/faults.ts';
import type { EventLog } from '../reference-impl/observations/event-log.ts';
import type { Axes } from '../reports/record/axes.ts';
import type { VariantValues } from '../reports/record/record.ts';
import { type AnyCase, variantsOf } from '../suites/case.ts';
import { absentAxisOf, applicability } from '../suites/runner/applicability.ts';
import { type Judgement, judge } from '../suites/runner/judge.ts';
import { requestsMissing } from '../suites/runner/request-needs.ts';

export const transportOf: Readonly<Record<Showing, Transport>> = {
  'vhost-user': 'vhost-user',
  'vhost-mdev-l1': 'vhost-mdev',
  'vhost-mdev-l2': 'vhost-mdev',
  'vhost-vdpa': 'vhost-vdpa',
  'vhost-net': 'vhost-kernel',
  'virtio-pci': 'virtio-pci',
};

const seed = 1;

/** A reference of this process with faults, opened at first use. */
export class FaultyReference {
  readonly name: string;
  /** `log` is that of the reference that this one is the pair of. */
  readonly #open: (log?: EventLog) => DriverPort;
  readonly #right: Contact;
  #isServing = false;
  #pair: DriverPort | undefined;
  #opened: { readonly port: DriverPort; readonly offer: FeatureSet } | undefined;

  constructor(showing: Showing, device: ReferenceDevice, names: readonly FaultName[]) {
    this.name = `${showing} ${device}`;
    this.#right = rightContact(showing, device);
    this.#open = (log) => openFaulty(showing, device, names, log === undefined ? {} : { log });
  }

  /** Names of the feature bits that the reference without faults offers. */
  get offered(): string[] {
    const { facts, offer } = this.#right;
    return namesIn(offer, facts);
  }

  /** What is missing for a case, on the reference without faults. */
  missing(definition: AnyCase, axes: Axes): readonly string[] {
    const place = `${axes.layout} ${axes.negotiation}`;
    const known = this.#right.missing.get(definition) ?? new Map<string, readonly string[]>();
    this.#right.missing.set(definition, known);
    const missing = known.get(place) ?? missingOn(this.#right, definition, axes);
    known.set(place, missing);
    return missing;
  }

  /** The variants of a case that apply, on the reference without faults. */
  variantsOf(definition: AnyCase): VariantValues[] {
    const { facts } = this.#right;
    return variantsOf(definition).filter((variant) => requestsMissing(definition, variant, facts).length === 0);
  }

  judge(definition: AnyCase, variant: VariantValues, axes: Axes, mostPoints?: number): Judgement {
    const { port, offer } = this.#contact();
    const judgement = judge(port, definition, variant, offer, {
      needsRings: true,
      seed,
      axes,
      ...(mostPoints === undefined ? {} : { mostPoints }),
      ...(definition.applies.iuts === 2 ? { other: { port: this.#openPair(port), offer } } : {}),
      isServing: this.#isServing,
      referenceMeetsDeadline: () => true,
    });
    // Liveness after a case is part of its pass.
    this.#isServing = judgement.verdict === 'pass';
    for (const one of this.#pair === undefined ? [port] : [port, this.#pair]) {
      one.releaseAll();
      if (!one.iut.isAlive() || judgement.findings.some(({ how }) => how !== 'wrong')) one.iut.restart();
    }
    return judgement;
  }

  close(): void {
    this.#pair?.close();
    this.#opened?.port.close();
  }

  /** The same reference once more, for cases that need two. */
  #openPair(first: DriverPort): DriverPort {
    this.#pair ??= this.#open(first.log);
    return this.#pair;
  }

  #contact(): { readonly port: DriverPort; readonly offer: FeatureSet } {
    if (this.#opened === undefined) {
      const port = this.#open();
      const contact = firstContact(port);
      // A fault may forbid even the first conversation: then the offer is that of the right reference.
      this.#opened = { port, offer: contact.kind === 'served' ? contact.offer : this.#right.offer };
    }
    return this.#opened;
  }
}

/** The devices of the reference that a transport shows. */
export function devicesShownBy(showing: Showing): readonly ReferenceDevice[] {
  if (showing === 'vhost-net') return ['net'];
  return showing === 'vhost-user' ? referenceDeviceNames : sharedDeviceNames;
}

/** A reference of this process with faults. @param pairs of vhost-vdpa: so many pairs of queues of a network device. */
export function openFaulty(
  showing: Showing,
  device: ReferenceDevice,
  names: readonly FaultName[],
  { log, deadlineMs, pairs }: { readonly log?: EventLog; readonly deadlineMs?: number; readonly pairs?: number } = {},
): DriverPort {
  const options = {
    device,
    faults: names,
    ...(log === undefined ? {} : { log }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
  switch (showing) {
    case 'vhost-user':
      return openReference(options);
    case 'vhost-mdev-l1':
      return openMdevReference({ ...options, mode: 'l1' });
    case 'vhost-mdev-l2':
      return openMdevReference({ ...options, mode: 'l2-strict' });
    case 'vhost-vdpa':
      return openVdpaReference(pairs === undefined ? options : { ...options, queues: pairs, hasControlQueue: true });
    case 'vhost-net':
      return openVhostNetReference(options);
    case 'virtio-pci':
      return openPciReference(options);
  }
}

function missingOn(right: Contact, definition: AnyCase, axes: Axes): readonly string[] {
  const { facts, offer } = right;
  const absent = absentAxisOf(definition, axes, facts, offer);
  return [
    ...applicability(definition, facts, offer, right),
    ...ringsMissing(definition, facts),
    ...(absent === undefined ? [] : [absent.why]),
  ];
}

/** What all variants of a case ask of rings that are not to be had. */
function ringsMissing(definition: AnyCase, facts: TargetFacts): string[] {
  const missing = variantsOf(definition).map((variant) => requestsMissing(definition, variant, facts));
  return missing.every((one) => one.length > 0) ? (missing[0] ?? []) : [];
}

interface Contact {
  readonly facts: TargetFacts;
  readonly offer: FeatureSet;
  /** What is missing for a case there, by its place on its axes: the same for all faults. */
  readonly missing: Map<AnyCase, Map<string, readonly string[]>>;
}

const rightContacts = new Map<string, Contact>();

function rightContact(showing: Showing, device: ReferenceDevice): Contact {
  const name = `${showing} ${device}`;
  const known = rightContacts.get(name);
  if (known !== undefined) return known;
  const port = openFaulty(showing, device, []);
  try {
    const contact = firstContact(port);
    if (contact.kind !== 'served') throw new Error(`the ${name} reference is not served in process: ${contact.why}`);
    const right: Contact = { facts: port.facts, offer: contact.offer, missing: new Map() };
    rightContacts.set(name, right);
    return right;
  } finally {
    port.close();
  }
}
