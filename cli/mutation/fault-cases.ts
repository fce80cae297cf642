import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transportRules } from '../../reference-impl/devices/queued-device.ts';
import { faultNames, faults } from '../../reference-impl/faults/faults.ts';
import { mdevRulesL2 } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import { vhostNetRules } from '../../reference-impl/vhost-net/vhost-net-rules.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { vdpaRules } from '../../reference-impl/vhost-vdpa/vdpa-rules.ts';
import { virtioPciRules } from '../../reference-impl/virtio-pci/pci-rules.ts';
import { allCases } from '../../suites/all-cases.ts';
import type { Mutant } from './mutants.ts';

/** Cases that prove a fault of a rule's entry, or of what is done at a message, by the name of that. */
export class FaultCases {
  readonly #root: string;
  readonly #byEntry = new Map<string, Set<string>>();
  readonly #lines = new Map<string, readonly string[]>();

  /** `root` is the project: places of mutants are looked up in its sources. */
  constructor(root: string) {
    this.#root = root;
    const byFault = new Map<string, string[]>();
    for (const { id, proves } of allCases) {
      for (const name of Object.values(proves).flat()) byFault.set(name, [...(byFault.get(name) ?? []), id]);
    }
    for (const name of faultNames) {
      for (const entry of entriesOf(name)) {
        const cases = this.#byEntry.get(entry) ?? new Set();
        for (const id of byFault.get(name) ?? []) cases.add(id);
        this.#byEntry.set(entry, cases);
      }
    }
  }

  /** Ids of the cases that prove a fault of the entry in which a mutant stands. */
  of({ file, line }: Pick<Mutant, 'file' | 'line'>): ReadonlySet<string> {
    let lines = this.#lines.get(file);
    if (lines === undefined) {
      lines = readFileSync(join(this.#root, file), 'utf8').split('\n');
      this.#lines.set(file, lines);
    }
    for (let at = line - 1; at >= 0; at--) {
      const [, entry, message] = /^ {2}(\w+):|'(VHOST_\w+)'/.exec(lines[at] ?? '') ?? [];
      const name = entry ?? message;
      if (name !== undefined) return this.#byEntry.get(name) ?? new Set();
    }
    return new Set();
  }
}

function entriesOf(name: (typeof faultNames)[number]): string[] {
  const fault = faults[name];
  if (fault.layer !== 'transport')
    return changed({ ...transportRules, ...referenceRules }, (rules) => fault.apply(rules));
  switch (fault.transport) {
    case 'vhost-user':
      return changed(referenceRules, fault.apply);
    case 'vhost-mdev':
      return changed(mdevRulesL2, fault.apply);
    case 'vhost-vdpa':
      return changed(vdpaRules, fault.apply);
    case 'vhost-kernel':
      return changed(vhostNetRules, fault.apply);
    case 'virtio-pci':
      return changed(virtioPciRules, fault.apply);
  }
}

const changed = <Rules extends object>(right: Rules, apply: (rules: Rules) => Rules): string[] =>
  differences(right, apply(right));

/** Names of the entries of nested tables that are not the same, and of messages whose entries are not. */
function differences(right: object, other: object): string[] {
  if (Array.isArray(right)) {
    return right.flatMap((one: { name?: string }, n) =>
      one === (other as unknown[])[n] || one.name === undefined ? [] : [one.name],
    );
  }
  return Object.entries(right).flatMap(([key, value]) => {
    const changedValue: unknown = other[key as keyof object];
    if (value === changedValue) return [];
    const isTable = typeof value === 'object' && value !== null && typeof changedValue === 'object';
    return isTable ? differences(value, changedValue as object) : [key];
  });
}
