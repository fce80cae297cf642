import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { deviceNames } from '../drivers/devices/device-names.ts';
import { deviceTypeOf, deviceTypes } from '../drivers/devices/device-types.ts';
import { findCommand } from '../drivers/iut-process/target-version.ts';
import { didYouMean } from '../drivers/near-matches.ts';
import type { WorkloadFacts } from '../drivers/port/port.ts';
import { isMadeForRun, isReachedBy, type Target } from '../drivers/target.ts';
import { readTargetFile } from '../drivers/target-file.ts';
import { MdevSysfs } from '../drivers/vfio/mdev-sysfs.ts';
import { pciAddressOf, uuidOf } from '../drivers/vfio/vfio-subject.ts';
import { identifyPeer, type Peer } from '../drivers/vhost-user/identify-peer.ts';
import { VdpaBus } from '../drivers/vhost-vdpa/vdpa-bus.ts';
import { whyNotOpened } from '../drivers/why-not-opened.ts';
import { nativeBuildOf } from '../fixtures/native-targets/index.ts';
import { targetByName, targets } from '../fixtures/targets/index.ts';
import { vhostNetTap } from '../fixtures/targets/vhost-net.ts';
import { DriverUsageError } from '../reference-impl/errors.ts';
import { type CommandOptions, commandTarget } from './command-target.ts';
import { checkConsent, externalFunction, type FunctionConsent } from './external-function.ts';
import { externalMdev, externalMdevOfGuest } from './external-mdev.ts';
import { deviceOffering, externalTarget } from './external-target.ts';
import { externalVdpa, externalVdpaOfGuest } from './external-vdpa.ts';
import { UsageError } from './usage-error.ts';

/** A target as it was asked for on the command line. */
export interface TargetArgument {
  readonly target: Target;
  /** The words that ask for it again. */
  readonly words: readonly string[];
}

/** `run` judges on this kernel, `guest` in one of its own. */
export type RunCommand = 'run' | 'guest';

export interface TargetOptions extends CommandOptions {
  readonly targetFile?: readonly string[];
  readonly exec?: string;
  readonly yes?: readonly string[];
  readonly despite?: FunctionConsent['despite'];
  readonly dryRun?: boolean;
}

const externalScheme = 'vhost-user:';
const mdevScheme = 'mdev:';
const vdpaScheme = 'vhost-vdpa:';
const functionScheme = 'vfio-pci:';
const vhostNetScheme = 'vhost-net:';

const queries: Readonly<Record<string, z.ZodType>> = Object.assign(
  { device: z.enum(deviceNames).optional() },
  ...deviceTypes.map(({ answers }) => answers),
);
const query = z.strictObject(queries);
/** What is said behind the name of a target: its device, and facts that its type knows. */
interface Query {
  readonly device?: string | undefined;
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * The targets that a command line names.
 * @throws UsageError with one line for a name that no target has, a socket that cannot be one, a missing command.
 */
export function targetsOf(names: readonly string[], options: TargetOptions, place: RunCommand): TargetArgument[] {
  const ofHost = names.find((name) => name.startsWith(externalScheme));
  if (place === 'guest' && ofHost !== undefined) {
    throw new UsageError(`${ofHost}: is served on this machine, and cannot be reached from the guest`);
  }
  const consent = consentOf(options);
  const found = names.map((name) => targetOf(name, place, consent));
  found.push(...(options.targetFile ?? []).map(fromFile));
  if (options.exec !== undefined) found.push(commandTarget(options.exec, options));
  if (found.length === 0) {
    throw new UsageError(
      `no target: name one of ${targetNames().join(', ')}, or vhost-user:PATH, mdev:UUID, vhost-vdpa:FILE, vhost-net:FILE?tap=NAME or vfio-pci:ADDRESS, or use --exec`,
    );
  }
  const seen = new Set<string>();
  for (const { target } of found) {
    if (seen.has(target.facts.name)) throw new UsageError(`${target.facts.name}: named twice`);
    seen.add(target.facts.name);
    const why = whyNotOpened(target);
    if (why !== undefined) throw new UsageError(`${target.facts.name}: ${why}`);
    if (nativeBuildOf(target.facts.name) !== undefined) checkPlace(target, place);
    else if (target.start !== undefined) checkCommand(target);
    if (place === 'run') checkNotRebound(target);
    if (place === 'run' && isReachedBy(target, 'vfio-pci') && !target.facts.name.startsWith(functionScheme)) {
      checkConsent(addressIn(target.reach.bdf, target.facts.name), target.facts.name, consent);
    }
    if (place === 'run' && isReachedBy(target, 'mdev')) checkModule(target);
    if (place === 'run' && isReachedBy(target, 'vhost-net')) checkVhostNet(target);
    if (place === 'run' && isReachedBy(target, 'vhost-vdpa')) checkParent(target);
  }
  return found;
}

/**
 * The second IUT of each target: `A=B` makes B that of target A. Without words, a target that is started for the run is
 * started twice; one that is served already has none.
 * @throws UsageError with one line for words that are no pair.
 */
export function pairsOf(
  words: readonly string[],
  targets: readonly TargetArgument[],
  options: Pick<TargetOptions, 'yes' | 'despite' | 'dryRun'>,
  place: RunCommand,
): ReadonlyMap<string, TargetArgument> {
  const pairs = new Map<string, TargetArgument>();
  for (const word of words) {
    const first = targets.find(({ target }) => word.startsWith(`${target.facts.name}=`));
    if (first === undefined) {
      const names = targets.map(({ target }) => target.facts.name).join(' or ');
      throw new UsageError(`--pair ${word}: say A=B, where A is a target of this run: ${names}`);
    }
    const { name } = first.target.facts;
    if (pairs.has(name)) throw new UsageError(`--pair ${word}: ${name} has a pair already`);
    const [second] = targetsOf([word.slice(name.length + 1)], { ...options, device: 'block' }, place);
    if (second === undefined) throw new UsageError(`--pair ${word}: B is missing`);
    if (second.target.facts.name === name && !isMadeForRun(second.target)) {
      throw new UsageError(`--pair ${word}: ${name} is served already, and is one IUT: name another`);
    }
    pairs.set(name, second);
  }
  for (const argument of targets) {
    const { name } = argument.target.facts;
    if (!pairs.has(name) && isMadeForRun(argument.target)) pairs.set(name, argument);
  }
  return pairs;
}

function targetNames(): string[] {
  return targets.map(({ facts }) => facts.name);
}

function consentOf({ yes = [], despite = [], dryRun = false }: TargetOptions): FunctionConsent {
  return { yes: yes.map((text) => addressIn(text, '--yes')), despite, dryRun };
}

function targetOf(name: string, place: RunCommand, consent: FunctionConsent): TargetArgument {
  if (name.startsWith(vhostNetScheme)) return fromVhostNet(name);
  if (name.startsWith(functionScheme)) return fromFunction(name, place, consent);
  if (name.startsWith(externalScheme)) return fromSocket(name);
  if (name.startsWith(mdevScheme)) return fromMdev(name, place);
  if (name.startsWith(vdpaScheme)) return fromVdpa(name, place);
  const target = targetByName(name);
  if (target !== undefined) return { target, words: [name] };
  const near = didYouMean(name, [
    ...targetNames(),
    externalScheme,
    mdevScheme,
    vdpaScheme,
    functionScheme,
    vhostNetScheme,
  ]);
  if (name.includes('/')) {
    throw new UsageError(`${name}: no such target; a socket that is served there is vhost-user:${name}`);
  }
  throw new UsageError(
    `${name}: no such target${near || `; there are ${targetNames().join(', ')}, vhost-user:PATH, mdev:UUID, vhost-vdpa:FILE, vhost-net:FILE?tap=NAME and vfio-pci:ADDRESS`}`,
  );
}

/** `vhost-user:PATH?device=net`: a socket that is served already. Its offer shows the device type. */
function fromSocket(name: string): TargetArgument {
  const [path = '', search] = name.slice(externalScheme.length).split('?', 2);
  if (path === '') throw new UsageError(`${name}: a path is missing (vhost-user:PATH)`);
  const answers = answersOf(name, search);
  const offered = deviceOffering(peerOf(path).offered);
  const { device = offered, facts } = answers;
  if (device === 'block' && offered === 'net')
    throw new UsageError(`${path}: it offers feature bits of a network device`);
  // By its whole path: a resumed run, and the command of a finding, must name the same target from any directory.
  const target = externalTarget(resolve(path), `${externalScheme}${resolve(path)}`, device);
  return {
    target: { ...target, facts: { ...target.facts, workload: withAnswers(target.facts.workload, facts) } },
    words: [`${externalScheme}${resolve(path)}${search === undefined ? '' : `?${search}`}`],
  };
}

/** `mdev:UUID?device=net`: a mediated device that exists already. */
function fromMdev(name: string, place: RunCommand): TargetArgument {
  const [text = '', search] = name.slice(mdevScheme.length).split('?', 2);
  const { device, facts } = answersOf(name, search);
  const uuid = uuidIn(text, name);
  const target = place === 'guest' ? externalMdevOfGuest(uuid, device) : externalMdev(uuid, device);
  return {
    target: { ...target, facts: { ...target.facts, workload: withAnswers(target.facts.workload, facts) } },
    words: [`${target.facts.name}${search === undefined ? '' : `?${search}`}`],
  };
}

/** `vhost-vdpa:/dev/vhost-vdpa-0?returns=same-port`: a device file that exists already. Its device id shows the type. */
function fromVdpa(name: string, place: RunCommand): TargetArgument {
  const [path = '', search] = name.slice(vdpaScheme.length).split('?', 2);
  const { device, facts } = answersOf(name, search);
  const target = place === 'guest' ? externalVdpaOfGuest(path, device) : externalVdpa(resolve(path), device);
  return {
    target: { ...target, facts: { ...target.facts, workload: withAnswers(target.facts.workload, facts) } },
    words: [`${target.facts.name}${search === undefined ? '' : `?${search}`}`],
  };
}

/** `vfio-pci:0000:65:00.2?returns=same-port`: a virtio function of this host. Its ids show the type. */
function fromFunction(name: string, place: RunCommand, consent: FunctionConsent): TargetArgument {
  const [text = '', search] = name.slice(functionScheme.length).split('?', 2);
  const address = addressIn(text, name);
  if (place === 'guest') {
    throw new UsageError(`${name}: is of this machine; the guest has virtio-net-pci and virtio-blk-pci`);
  }
  const { device, facts } = answersOf(name, search);
  const target = externalFunction(address, device, consent);
  return {
    target: { ...target, facts: { ...target.facts, workload: withAnswers(target.facts.workload, facts) } },
    words: [
      `${target.facts.name}${search === undefined ? '' : `?${search}`}`,
      ...['--yes', address],
      ...consent.despite.flatMap((use) => ['--despite', use]),
    ],
  };
}

/** `vhost-net:/dev/vhost-net?tap=NAME`: a tap device, made where there is none, whose station gives all frames back. */
function fromVhostNet(name: string): TargetArgument {
  const [path = '', search = ''] = name.slice(vhostNetScheme.length).split('?', 2);
  const words = new URLSearchParams(search);
  const tap = words.get('tap');
  if (path === '' || tap === null) throw new UsageError(`${name}: say vhost-net:/dev/vhost-net?tap=NAME`);
  if ([...words.keys()].length > 1) throw new UsageError(`${name}: only tap=NAME is known there`);
  const { facts } = vhostNetTap;
  const own = `${vhostNetScheme}${resolve(path)}?tap=${tap}`;
  return {
    target: {
      ...vhostNetTap,
      facts: { ...facts, name: own, identity: `vhost-net at ${resolve(path)}, tap ${tap}` },
      reach: { via: 'vhost-net', device: resolve(path), tap },
    },
    words: [own],
  };
}

function addressIn(text: string, name: string): string {
  try {
    return pciAddressOf(text);
  } catch (error) {
    throw error instanceof DriverUsageError ? new UsageError(`${name}: ${error.message}`) : error;
  }
}

function uuidIn(text: string, name: string): string {
  try {
    return uuidOf(text);
  } catch (error) {
    throw error instanceof DriverUsageError ? new UsageError(`${name}: ${error.message}`) : error;
  }
}

/** What a target's name says behind its question mark. */
function answersOf(name: string, search: string | undefined): Query {
  const parsed = query.safeParse(Object.fromEntries(new URLSearchParams(search ?? '')));
  if (!parsed.success) throw new UsageError(`${name}: ${queryProblem(parsed.error)}`);
  const { device, ...facts } = parsed.data;
  return { device: device === undefined ? undefined : String(device), facts };
}

/** One line for all that is no back-end, before anything is made. */
function peerOf(path: string): Peer {
  try {
    return identifyPeer(resolve(path));
  } catch (error) {
    if (error instanceof DriverUsageError)
      throw new UsageError(`${path}: ${error.message.replace(`${resolve(path)}: `, '')}`);
    throw error;
  }
}

/** The facts with those answers that their type knows. */
function withAnswers(workload: WorkloadFacts, told: Query['facts']): WorkloadFacts {
  const known = deviceTypeOf(workload.kind).answers;
  const answers = Object.entries(told).filter(([name, value]) => Object.hasOwn(known, name) && value !== undefined);
  return { ...workload, ...Object.fromEntries(answers) };
}

function fromFile(path: string): TargetArgument {
  const target = readTargetFile(path, targetByName);
  if (target.start === undefined && target.reach.via === 'unix-socket') peerOf(target.reach.socket);
  return { target, words: ['--target-file', resolve(path)] };
}

function queryProblem(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys') {
    return `${issue.keys.join(', ')} is unknown${didYouMean(issue.keys[0] ?? '', Object.keys(queries))}`;
  }
  return `${issue?.path.join('.')}: ${issue?.message}`;
}

/** It is built on this machine. */
function checkPlace({ facts }: Target, place: RunCommand): void {
  if (place === 'guest') throw new UsageError(`${facts.name}: is built on this machine, and cannot run in the guest`);
}

function checkCommand({ start, packages = [], facts }: Target): void {
  const command = start?.command ?? '';
  if (findCommand(command) !== undefined) return;
  const remedy = packages.length === 0 ? '' : `; apt-get install ${packages.join(' or ')}`;
  throw new UsageError(`${facts.name}: ${command} is missing or cannot be executed${remedy}`);
}

/** What takes a function from its driver for good does so in a kernel that is of no other use, and never in this one. */
function checkNotRebound({ facts, reach }: Target): void {
  const address =
    reach.via === 'vfio-pci' && reach.isBoundByUs === true
      ? reach.bdf
      : reach.via === 'vhost-vdpa' && 'created' in reach
        ? reach.created.bound?.address
        : undefined;
  if (address === undefined) return;
  throw new UsageError(
    `${facts.name}: takes the function ${address} from its driver, and is judged in a kernel of its own: ` +
      `vhost-conformance guest -- run ${facts.name}`,
  );
}

/** The same of a management device that makes vDPA devices. */
function checkParent({ reach, facts }: Target<'vhost-vdpa'>): void {
  if ('device' in reach || new VdpaBus().hasParent(reach.created)) return;
  throw new UsageError(
    `${facts.name}: this kernel has no management device ${reach.created.parent} of vDPA; ` +
      `in a kernel of its own: vhost-conformance guest -- run ${facts.name}`,
  );
}

function checkVhostNet({ reach, facts }: Target<'vhost-net'>): void {
  if (existsSync(reach.device)) return;
  throw new UsageError(
    `${facts.name}: there is no ${reach.device}: modprobe vhost_net; ` +
      'in a kernel of its own: vhost-conformance guest -- run vhost-net-tap',
  );
}

/** Before anything is started: most machines have no such module, and a kernel of one's own is one word away. */
function checkModule({ reach, facts }: Target<'mdev'>): void {
  if ('uuid' in reach || new MdevSysfs().hasModule(reach.created.module)) return;
  throw new UsageError(
    `${facts.name}: the module ${reach.created.module} is not loaded in this kernel; ` +
      `in a kernel of its own: vhost-conformance guest -- run ${facts.name}`,
  );
}
