import { resolve } from 'node:path';
import { deviceNames } from '../../drivers/devices/device-names.ts';
import type { Target } from '../../drivers/target.ts';
import { parseTarget } from '../../drivers/target-file.ts';
import { targetByName } from '../../fixtures/targets/index.ts';
import { commandTarget } from '../command-target.ts';
import { functionNotOpened } from '../external-function.ts';
import { externalMdevOfGuest } from '../external-mdev.ts';
import {
  addressIn,
  answersOf,
  type ExternalName,
  type ExternalScheme,
  externalForms,
  externalName,
  externalVhostNet,
  uuidIn,
  withAnswers,
} from '../external-name.ts';
import { externalTarget } from '../external-target.ts';
import { externalVdpaOfGuest } from '../external-vdpa.ts';
import { UsageError } from '../usage-error.ts';
import { createFile } from './source-tree.ts';

export interface TargetOptions {
  readonly device?: string;
  /** What starts a vhost-user back-end. */
  readonly exec?: string;
  /** What exists already, as `run` is told of it. */
  readonly at?: string;
  /** A named target, of which it says the differences. */
  readonly like?: string;
}

/** Writes a target file. What exists already is not opened. Returns what to do next. @throws UsageError */
export function newTarget(directory: string, name: string, options: TargetOptions): string[] {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(name))
    throw new UsageError(`${name}: a name has small letters, digits, dots and hyphens`);
  const { content, fillIn } = begun(name, options);
  const file = `${name}.json`;
  const path = resolve(directory, file);
  const { reach } = parseTarget(content, path, targetByName);
  createFile(path, file, `${JSON.stringify(content, undefined, 2)}\n`);
  const consent = reach.via === 'vfio-pci' ? ` --yes ${reach.bdf}` : '';
  return [
    `made: ${file}`,
    `fill in: ${fillIn}: docs/TARGETS.md has each field`,
    `next: vhost-conformance run --target-file ${file}${consent}`,
  ];
}

interface Begun {
  readonly content: object;
  readonly fillIn: string;
}

function begun(name: string, options: TargetOptions): Begun {
  const { exec, at, like } = options;
  if ([exec, at, like].filter((way) => way !== undefined).length !== 1) {
    throw new UsageError(
      "new target wants one of --exec 'COMMAND … {socket}', --at with what is there " +
        `(${Object.values(externalForms).join(', ')}), and --like with the name of a target`,
    );
  }
  if (like !== undefined) return likeAnother(like);
  const { facts, ...rest } = exec === undefined ? existing(at ?? '', options) : started(exec, options);
  return {
    content: { facts: { ...facts, name, identity: name }, ...rest },
    fillIn: '"identity", "workload" (what the device does with a buffer) and "capabilities"',
  };
}

function likeAnother(like: string): Begun {
  if (targetByName(like) === undefined) throw new UsageError(`--like ${like}: no such target (list targets)`);
  return {
    content: { like, facts: {} },
    fillIn: 'what differs: "facts", field by field, "start" with its "environment", or another "reach"',
  };
}

function deviceIn(told: string | undefined): string {
  const device = deviceNames.find((each) => each === told);
  if (device !== undefined) return device;
  throw new UsageError(`new target wants --device, one of ${deviceNames.join(', ')}`);
}

function started(exec: string, { device }: TargetOptions): Target {
  return commandTarget(exec, { device: deviceIn(device) }).target;
}

function existing(at: string, options: TargetOptions): Target {
  const name = externalName(at);
  if (name === undefined) {
    throw new UsageError(`--at ${at}: is none of ${Object.values(externalForms).join(', ')}`);
  }
  if (name.place === '') throw new UsageError(`--at ${at}: say ${externalForms[name.scheme]}`);
  if (name.scheme === 'vhost-net') return externalVhostNet(name);
  const { device, facts } = answersOf(name);
  return withAnswers(notOpened(name, name.scheme, deviceIn(device ?? options.device)), facts);
}

function notOpened(
  { name, place }: ExternalName,
  scheme: Exclude<ExternalScheme, 'vhost-net'>,
  device: string,
): Target {
  switch (scheme) {
    case 'vhost-user':
      return externalTarget(resolve(place), name, device);
    case 'mdev':
      return externalMdevOfGuest(uuidIn(place, name), device);
    case 'vhost-vdpa':
      return externalVdpaOfGuest(resolve(place), device);
    case 'vfio-pci':
      return functionNotOpened(addressIn(place, name), device);
  }
}
