import { resolve } from 'node:path';
import { z } from 'zod';
import { deviceNames } from '../drivers/devices/device-names.ts';
import { deviceTypeOf, deviceTypes } from '../drivers/devices/device-types.ts';
import { DriverUsageError } from '../drivers/errors.ts';
import { didYouMean } from '../drivers/near-matches.ts';
import type { WorkloadFacts } from '../drivers/port/port.ts';
import type { Target } from '../drivers/target.ts';
import { pciAddressOf, uuidOf } from '../drivers/vfio/vfio-subject.ts';
import { vhostNetTap } from '../fixtures/targets/vhost-net.ts';
import { inWords, issueWords } from '../reference-impl/schema-words.ts';
import { UsageError } from './usage-error.ts';

/** What each scheme of what exists already has behind its colon, as a message shows it. */
export const externalForms = {
  'vhost-user': 'vhost-user:PATH',
  mdev: 'mdev:UUID',
  'vhost-vdpa': 'vhost-vdpa:FILE',
  'vhost-net': 'vhost-net:FILE?tap=NAME',
  'vfio-pci': 'vfio-pci:ADDRESS',
} as const;
export type ExternalScheme = keyof typeof externalForms;

export const externalSchemes = Object.keys(externalForms) as ExternalScheme[];

/** `vhost-user:PATH?device=net`: what exists already, and what is said of it. */
export interface ExternalName {
  readonly scheme: ExternalScheme;
  /** As it was written. */
  readonly name: string;
  readonly place: string;
  /** What stands behind the question mark. */
  readonly search?: string;
}

export function externalName(name: string): ExternalName | undefined {
  const scheme = externalSchemes.find((each) => name.startsWith(`${each}:`));
  if (scheme === undefined) return undefined;
  const [place = '', search] = name.slice(scheme.length + 1).split('?', 2);
  return { scheme, name, place, ...(search === undefined ? {} : { search }) };
}

/** The question mark with what stands behind it. */
export const askedOf = ({ search }: ExternalName): string => (search === undefined ? '' : `?${search}`);

const queries: Readonly<Record<string, z.ZodType>> = Object.assign(
  { device: z.enum(deviceNames).optional() },
  ...deviceTypes.map(({ answers }) => answers),
);
const query = z.strictObject(queries);

/** What is said of a target behind its name: its device, and facts that its type knows. */
export interface Answers {
  readonly device?: string | undefined;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** @throws UsageError for an answer that no type of device knows. */
export function answersOf({ name, search }: ExternalName): Answers {
  const parsed = query.safeParse(Object.fromEntries(new URLSearchParams(search ?? '')), inWords);
  if (!parsed.success) throw new UsageError(`${name}: ${queryProblem(parsed.error)}`);
  const { device, ...facts } = parsed.data;
  return { device: device === undefined ? undefined : String(device), facts };
}

/** The target with those answers that the type of its device knows. */
export function withAnswers<T extends Target>(target: T, told: Answers['facts']): T {
  const { workload } = target.facts;
  const known = deviceTypeOf(workload.kind).answers;
  const answers = Object.entries(told).filter(([name, value]) => Object.hasOwn(known, name) && value !== undefined);
  const answered: WorkloadFacts = { ...workload, ...Object.fromEntries(answers) };
  return { ...target, facts: { ...target.facts, workload: answered } };
}

function queryProblem(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys') {
    return `${issue.keys.join(', ')} is unknown${didYouMean(issue.keys[0] ?? '', Object.keys(queries))}`;
  }
  return issueWords(error.issues);
}

/** @throws UsageError */
export const addressIn = (text: string, name: string): string => told(() => pciAddressOf(text), name);

/** @throws UsageError */
export const uuidIn = (text: string, name: string): string => told(() => uuidOf(text), name);

function told(read: () => string, name: string): string {
  try {
    return read();
  } catch (error) {
    throw error instanceof DriverUsageError ? new UsageError(`${name}: ${error.message}`) : error;
  }
}

/** A tap device, made where there is none, whose station gives all frames back. @throws UsageError */
export function externalVhostNet({ name, place, search = '' }: ExternalName): Target<'vhost-net'> {
  const words = new URLSearchParams(search);
  const tap = words.get('tap');
  if (place === '' || tap === null) throw new UsageError(`${name}: say vhost-net:/dev/vhost-net?tap=NAME`);
  if ([...words.keys()].length > 1) throw new UsageError(`${name}: only tap=NAME is known there`);
  const device = resolve(place);
  const { facts } = vhostNetTap;
  return {
    ...vhostNetTap,
    facts: { ...facts, name: `vhost-net:${device}?tap=${tap}`, identity: `vhost-net at ${device}, tap ${tap}` },
    reach: { via: 'vhost-net', device, tap },
  };
}
