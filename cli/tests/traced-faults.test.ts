import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { firstContact } from '../../judging/first-contact.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import type { Showing } from '../../reference-impl/faults/fault.ts';
import { type FaultName, faultNames, faults } from '../../reference-impl/faults/faults.ts';
import { judgedTrace } from '../../reference-impl/oracle/traced/judged-trace.ts';
import { shownByCalls } from '../../reference-impl/oracle/traced/shown-by-calls.ts';
import { ringsToldIn, type TracedDevice } from '../../reference-impl/oracle/traced/traced-devices.ts';
import { allCases } from '../../suites/all-cases.ts';
import { axesOf } from '../../suites/axes.ts';
import type { AnyCase } from '../../suites/case.ts';
import { judge } from '../../suites/runner/judge.ts';
import { namesFault } from '../fault-rows.ts';
import { FaultyReference, openFaulty, transportOf } from '../faulty-reference.ts';

const places: readonly (readonly [Showing, ReferenceDevice])[] = [
  ['vhost-mdev-l2', 'entropy'],
  // Some faults need more rings than one.
  ['vhost-mdev-l2', 'net'],
  ['vhost-mdev-l1', 'entropy'],
  ['vhost-vdpa', 'block'],
];

/** A reference that judges cases, whose traces are judged again. */
class TracedReference {
  readonly #showing: Showing;
  readonly #device: ReferenceDevice;
  readonly #right: FaultyReference;
  #known: TracedDevice;

  constructor(showing: Showing, device: ReferenceDevice) {
    this.#showing = showing;
    this.#device = device;
    this.#right = new FaultyReference(showing, device, []);
    const port = openFaulty(showing, device, []);
    this.#known = { device, offered: offerOf(port) };
    port.close();
    // Before a trace has told the number of rings nothing is claimed.
    this.shownOf(
      [],
      allCases.filter(({ id }) => id.startsWith('vhost-mdev/regions/')),
    );
  }

  close(): void {
    this.#right.close();
  }

  /** What the traces of these cases show of the reference with a fault; undefined where none applies. */
  shownOf(names: readonly FaultName[], cases: readonly AnyCase[]): Shown | undefined {
    const shown: Shown = { kept: new Set(), broken: new Set(), failed: new Set() };
    let ran = 0;
    for (const definition of cases.filter(({ applies }) => applies.iuts !== 2)) {
      for (const axes of axesOf(definition)) {
        const [variant] = this.#right.variantsOf(definition);
        if (variant === undefined || this.#right.missing(definition, axes).length > 0) continue;
        ran++;
        const port = openFaulty(this.#showing, this.#device, names);
        try {
          const contact = firstContact(port);
          if (contact.kind !== 'served') continue;
          const { outcomes } = judge(port, definition, variant, contact.offer, {
            needsRings: true,
            seed: 1,
            axes,
            isServing: false,
            referenceMeetsDeadline: () => true,
          });
          for (const { requirement, outcome } of outcomes) if (outcome === 'fail') shown.failed.add(requirement);
          if (port.log.dropped === 0) this.#take(port, shown);
        } finally {
          port.close();
        }
      }
    }
    return ran === 0 ? undefined : shown;
  }

  #take(port: DriverPort, shown: Shown): void {
    const events = port.log.events();
    const rings = this.#known.rings ?? ringsToldIn(events);
    if (rings !== undefined) this.#known = { ...this.#known, rings };
    const found = judgedTrace(events, { judgesRings: false, device: this.#known });
    for (const requirement of found.requirements) {
      const isBroken = (found.of(requirement)?.broken ?? 0) > 0;
      (isBroken ? shown.broken : shown.kept).add(requirement);
    }
  }
}

interface Shown {
  readonly kept: Set<RequirementSlug>;
  readonly broken: Set<RequirementSlug>;
  /** By the results. */
  readonly failed: Set<string>;
}

function offerOf(port: DriverPort): bigint {
  const contact = firstContact(port);
  if (contact.kind !== 'served') throw new Error(contact.why);
  return contact.offer.device;
}

t.test('the trace of each fault that breaks what calls show has a breach, and none has without one', async (t) => {
  const left = new Set(shownByCalls);
  for (const [showing, device] of places) {
    const reference = new TracedReference(showing, device);
    for (const name of faultNames.filter((one) => shownByCalls.has(faults[one].requirement))) {
      const { requirement, hiddenFrom, ...fault } = faults[name];
      const isElsewhere = fault.layer === 'transport' && fault.transport !== transportOf[showing];
      if (isElsewhere || hiddenFrom?.[showing] !== undefined) continue;
      const cases = allCases.filter((definition) => namesFault(definition, name));
      const wrong = reference.shownOf([name], cases);
      // With fewer rings a fault may change nothing.
      if (wrong === undefined || !wrong.failed.has(requirement)) continue;
      const right = reference.shownOf([], cases);
      const where = `${showing} ${device}`;
      t.not(wrong.broken.size, 0, `${where}: ${name} shows`);
      t.same([...(right?.broken ?? [])], [], `${where}: nothing is broken without ${name}`);
      t.ok(right?.kept.has(requirement), `${where}: ${requirement} is kept`);
      left.delete(requirement);
    }
    reference.close();
  }
  t.same([...left], [], 'each was tried');
});
