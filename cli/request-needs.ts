import { writeFileSync } from 'node:fs';
import { deviceTypeOf } from '../drivers/devices/device-types.ts';
import {
  type RequestNeed,
  type RingNeed,
  requestNeedNames,
  requestNeeds,
  ringNeedNames,
  ringNeeds,
} from '../drivers/devices/request-needs.ts';
import { VhostConformanceError } from '../drivers/errors.ts';
import type { DriverPort, TargetFacts } from '../drivers/port/port.ts';
import { openMdevReference } from '../drivers/reference/open-mdev-reference.ts';
import { openPciReference } from '../drivers/reference/open-pci-reference.ts';
import { openReference } from '../drivers/reference/open-reference.ts';
import { openVdpaReference } from '../drivers/reference/open-vdpa-reference.ts';
import { openVhostNetReference } from '../drivers/reference/open-vhost-net-reference.ts';
import { firstContact } from '../judging/first-contact.ts';
import type { FeatureSet } from '../reference-impl/catalogue/catalogue.ts';
import { type ReferenceDevice, sharedDeviceNames } from '../reference-impl/devices/reference-devices.ts';
import { caseKey } from '../reports/record/record.ts';
import { allCases } from '../suites/all-cases.ts';
import { type AnyCase, variantsOf } from '../suites/case.ts';
import { applicability } from '../suites/runner/applicability.ts';
import { CaseRun } from '../suites/runner/case-run.ts';
import { type CaseNeeds, needsOf, oddRingsOf, plainRing } from '../suites/runner/request-needs.ts';
import { endedByWords } from './development-command.ts';

/**
 * Writes suites/runner/request-needs.json: runs every case in process on references that do not give it requests, frames
 * that come back, or large rings, and notes what it asked for.
 */

const list = new URL('../../suites/runner/request-needs.json', import.meta.url);

/** A read of sector 0 in two descriptors, which the reference's disk answers. */
const whole = {
  readable: '00000000000000000000000000000000',
  writable: 513,
  writes: { least: 513, most: 513 },
  isWhole: true,
};

interface Lacking {
  readonly device: ReferenceDevice;
  readonly facts: Partial<TargetFacts>;
}

const generic = deviceTypeOf('generic').external;
const net = { ...deviceTypeOf('net').external, ...deviceTypeOf('net').ofReference };
const lacking: readonly Lacking[] = [
  { device: 'block', facts: { workload: generic } },
  { device: 'block', facts: { workload: { ...generic, request: whole } } },
  { device: 'block', facts: { workload: { ...generic, request: { ...whole, isWhole: false } } } },
  { device: 'net', facts: { workload: { ...net, kind: 'net', returns: 'none' } } },
  { device: 'net', facts: { workload: { ...net, kind: 'net', returns: 'arp-reply', address: '192.0.2.1' } } },
];

const showings = ['vhost-user', 'l1', 'l2-strict', 'vhost-vdpa', 'vhost-net', 'virtio-pci'] as const;
type Showing = (typeof showings)[number];

function portOf(named: ReferenceDevice, showing: Showing): DriverPort {
  if (showing === 'vhost-user') return openReference({ device: named });
  const device = sharedDeviceNames.find((name) => name === named);
  if (device === undefined) throw new Error(`${named} is shown over vhost-user alone`);
  switch (showing) {
    case 'vhost-vdpa':
      return openVdpaReference({ device });
    case 'vhost-net':
      return openVhostNetReference({ device });
    case 'virtio-pci':
      return openPciReference({ device });
    case 'l1':
    case 'l2-strict':
      return openMdevReference({ device, mode: showing });
  }
}

/** What the references of a transport lack, one after another. */
function lackingOn(showing: Showing): readonly Lacking[] {
  // There a case asks for the largest ring that the device tells, and rings may stop by a reset of the device alone.
  if (showing === 'vhost-vdpa') {
    return [...lacking, ...sharedDeviceNames.map((device): Lacking => ({ device, facts: { ringsStop: 'by-reset' } }))];
  }
  // There is a network device alone.
  if (showing === 'vhost-net') return lacking.filter(({ device }) => device === 'net');
  // There no ring tells where it stopped.
  if (showing === 'virtio-pci') return [...lacking, ...sharedDeviceNames.map((device) => ({ device, facts: {} }))];
  const rings = sharedDeviceNames.flatMap((device): Lacking[] => [
    { device, facts: { largestRing: plainRing } },
    { device, facts: { ringSizes: 'powers-of-two' } },
  ]);
  if (showing !== 'vhost-user') return [...lacking, ...rings];
  // Its requests are read-only.
  return [...lacking, ...rings, { device: 'vsock', facts: {} }];
}

type Opened = DriverPort & { readonly offer: FeatureSet };

function opened(device: ReferenceDevice, showing: Showing, facts: Partial<TargetFacts>): Opened {
  const port = portOf(device, showing);
  const contact = firstContact(port);
  if (contact.kind === 'not-served') throw new Error(contact.why);
  Object.defineProperty(port, 'facts', { value: { ...port.facts, ...facts } });
  return Object.assign(port, { offer: contact.offer });
}

const unjudged = /^what the device did cannot be judged without (.+)$/;

/** What the case asked for and did not get; undefined where it got all. */
function asked(
  port: Opened,
  definition: AnyCase,
  variant: Record<string, string | number | boolean>,
): string | undefined {
  const { offer } = port;
  const other = definition.applies.iuts === 2 ? { other: { port, offer } } : {};
  const run = new CaseRun(port, definition, variant, offer, { seed: 1, ...other });
  try {
    run.execute();
  } catch (error) {
    if (!(error instanceof VhostConformanceError)) throw error;
  } finally {
    port.releaseAll();
    if (!port.iut.isAlive()) port.iut.restart();
  }
  const [missing] = [...run.checks.values()].flatMap(
    ({ inconclusiveWhy = '' }) => unjudged.exec(inconclusiveWhy)?.[1] ?? [],
  );
  return missing;
}

interface KnownNeeds {
  readonly requests: Set<RequestNeed>;
  readonly rings: Set<RingNeed>;
  ring: number;
  oddRing: number;
}

class Needs {
  readonly #byCase = new Map<string, Map<string, KnownNeeds>>();
  readonly #before: Readonly<Record<string, CaseNeeds>>;

  /** @param before what is known already. */
  constructor(before: Readonly<Record<string, CaseNeeds>>) {
    this.#before = before;
  }

  has(id: string): boolean {
    return this.#byCase.has(id);
  }

  of({ id }: AnyCase, key: string): KnownNeeds {
    const ofCase = this.#byCase.get(id) ?? new Map<string, KnownNeeds>();
    this.#byCase.set(id, ofCase);
    const { requests, rings, ring = 0, oddRing = 0 } = this.#before[key] ?? this.#before[id] ?? {};
    const known = ofCase.get(key) ?? { requests: new Set(requests), rings: new Set(rings), ring, oddRing };
    ofCase.set(key, known);
    return known;
  }

  /** By id where all variants need the same. */
  written(): Record<string, CaseNeeds> {
    const all: Record<string, CaseNeeds> = {};
    for (const [id, keys] of [...this.#byCase].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const texts = [...keys].map(([key, { requests, rings, ring, oddRing }]): [string, CaseNeeds] => [
        key,
        {
          ...(requests.size === 0 ? {} : { requests: requestNeedNames.filter((name) => requests.has(name)) }),
          ...(rings.size === 0 ? {} : { rings: ringNeedNames.filter((name) => rings.has(name)) }),
          ...(ring > plainRing ? { ring } : {}),
          ...(oddRing > 0 ? { oddRing } : {}),
        },
      ]);
      const isOne = new Set(texts.map(([, needs]) => JSON.stringify(needs))).size === 1;
      for (const [key, needs] of isOne ? texts.slice(0, 1) : texts) {
        if (Object.keys(needs).length > 0) all[isOne ? id : key] = needs;
      }
    }
    return all;
  }
}

/**
 * @param words ids of cases, or what they begin with; what is listed of others stays. All without any. The name of a
 * transport has the references of that one run alone, and what the others lacked stays too.
 */
function main(words: readonly string[]): void {
  const isShowing = (word: string): word is Showing => showings.some((one) => one === word);
  const on = words.filter(isShowing);
  const ids = words.filter((word) => !isShowing(word));
  const isMeant = (id: string): boolean => ids.length === 0 || ids.some((one) => id.startsWith(one));
  const wanted = allCases.filter(({ id }) => isMeant(id));
  const needs = new Needs(on.length === 0 ? {} : needsOf);
  const needOf = new Map(requestNeedNames.map((name) => [requestNeeds[name] as string, name]));
  const ringNeedOf = new Map(ringNeedNames.map((name) => [ringNeeds[name] as string, name]));
  for (const showing of on.length === 0 ? showings : on) {
    for (const { device, facts } of lackingOn(showing)) {
      const port = opened(device, showing, facts);
      for (const definition of wanted) {
        if (applicability(definition, port.facts, port.offer, port).length > 0) continue;
        for (const variant of variantsOf(definition)) {
          const known = needs.of(definition, caseKey(definition.id, variant));
          const missing = asked(port, definition, variant);
          if (missing === undefined) continue;
          const need = needOf.get(missing);
          const ringNeed = ringNeedOf.get(missing);
          if (need !== undefined) known.requests.add(need);
          else if (ringNeed !== undefined) known.rings.add(ringNeed);
          else {
            const size = Number(/\d+/.exec(missing)?.[0]);
            if (missing === oddRingsOf(size)) known.oddRing = size;
            else known.ring = Math.max(known.ring, size);
          }
        }
      }
      port.close();
      process.stderr.write(`${showing} ${device} ${JSON.stringify(facts).slice(0, 60)}\n`);
    }
  }
  const isKept = (id: string): boolean => (on.length === 0 ? !isMeant(id) : !needs.has(id));
  const others = Object.entries(needsOf).filter(([key]) => isKept(key.split('[')[0] ?? key));
  const all = Object.fromEntries([...others, ...Object.entries(needs.written())].sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(list, `${JSON.stringify(all, undefined, 2)}\n`);
}

const usage = `Usage: npm run request-needs -- [TRANSPORT | CASE]...

Runs cases on references that lack requests, frames or rings, and writes what each asked for to
suites/runner/request-needs.json. CASE is an id, or what ids begin with; without one all are run (minutes).
TRANSPORT is ${showings.join(', ')}.
`;

/** What is wrong with the words; undefined where nothing is. */
function problemOf(words: readonly string[]): string | undefined {
  const odd = words.find(
    (word) => !showings.some((one) => one === word) && !allCases.some(({ id }) => id.startsWith(word)),
  );
  return odd === undefined ? undefined : `${odd} is neither a transport nor what a case begins with`;
}

const words = process.argv.slice(2);
const wrong = problemOf(words);
if (words.includes('--help')) process.exitCode = endedByWords('request-needs', usage, 'help');
else if (wrong !== undefined) process.exitCode = endedByWords('request-needs', usage, { wrong });
else main(words);
