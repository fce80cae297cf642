import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import picomatch from 'picomatch';
import { findCommand } from '../drivers/iut-process/target-version.ts';
import { didYouMean } from '../drivers/near-matches.ts';
import { isMadeForRun, isOfKernel, isReachedBy, type Target } from '../drivers/target.ts';
import { readTargetFile } from '../drivers/target-file.ts';
import { MdevSysfs } from '../drivers/vfio/mdev-sysfs.ts';
import { identifyPeer, type Peer } from '../drivers/vhost-user/identify-peer.ts';
import { VdpaBus } from '../drivers/vhost-vdpa/vdpa-bus.ts';
import { whyNotOpened } from '../drivers/why-not-opened.ts';
import { nativeBuildOf } from '../fixtures/native-targets/index.ts';
import { targetByName, targets } from '../fixtures/targets/index.ts';
import { DriverUsageError } from '../reference-impl/errors.ts';
import { type CommandOptions, commandTarget } from './command-target.ts';
import { checkConsent, externalFunction, type FunctionConsent } from './external-function.ts';
import { externalMdev, externalMdevOfGuest } from './external-mdev.ts';
import {
  addressIn,
  answersOf,
  askedOf,
  type ExternalName,
  externalForms,
  externalName,
  externalSchemes,
  externalVhostNet,
  uuidIn,
  withAnswers,
} from './external-name.ts';
import { deviceOffering, externalTarget } from './external-target.ts';
import { externalVdpa, externalVdpaOfGuest } from './external-vdpa.ts';
import { complain } from './terminal.ts';
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

/**
 * The targets that a command line names.
 * @throws UsageError with one line for a name that no target has, a socket that cannot be one, a missing command.
 */
export function targetsOf(names: readonly string[], options: TargetOptions, place: RunCommand): TargetArgument[] {
  const ofHost = names.find((name) => externalName(name)?.scheme === 'vhost-user');
  if (place === 'guest' && ofHost !== undefined) {
    throw new UsageError(`${ofHost}: is served on this machine, and cannot be reached from the guest`);
  }
  const consent = consentOf(options);
  const found = names.flatMap((name) =>
    isGlob(name) ? matching(name, place, consent) : [targetOf(name, place, consent)],
  );
  found.push(...(options.targetFile ?? []).map(fromFile));
  if (options.exec !== undefined) found.push(commandTarget(options.exec, options));
  if (found.length === 0) {
    throw new UsageError(`no target: name one of ${targetNames().join(', ')}, or ${forms('or')}, or use --exec`);
  }
  const seen = new Set<string>();
  for (const { target } of found) {
    if (seen.has(target.facts.name)) throw new UsageError(`${target.facts.name}: named twice`);
    seen.add(target.facts.name);
    checkTarget(target, place, consent);
  }
  return found;
}

/** @throws UsageError with one line where it cannot be judged there. */
function checkTarget(target: Target, place: RunCommand, consent: FunctionConsent): void {
  const why = whyNotOpened(target);
  if (why !== undefined) throw new UsageError(`${target.facts.name}: ${why}`);
  if (nativeBuildOf(target.facts.name) !== undefined) checkPlace(target, place);
  else if (target.start !== undefined) checkCommand(target);
  if (place === 'run') checkNotRebound(target);
  if (place === 'run' && isReachedBy(target, 'vfio-pci') && externalName(target.facts.name)?.scheme !== 'vfio-pci') {
    checkConsent(addressIn(target.reach.bdf, target.facts.name), target.facts.name, consent);
  }
  if (place === 'run' && isReachedBy(target, 'mdev')) checkModule(target);
  if (place === 'run' && isReachedBy(target, 'vhost-net')) checkVhostNet(target);
  if (place === 'run' && isReachedBy(target, 'vhost-vdpa')) checkParent(target);
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

/** `*` in the name of a target; what exists already is named by a scheme and a colon. */
const isGlob = (name: string): boolean => name.includes('*') && !name.includes(':');

/**
 * Targets by a glob over their names: in the guest those of its kernel, on this machine the others. What cannot be judged
 * there is told and left out.
 */
function matching(glob: string, place: RunCommand, consent: FunctionConsent): TargetArgument[] {
  const isMatch = picomatch(glob);
  const found = targets.filter((target) => isMatch(target.facts.name) && isOfKernel(target) === (place === 'guest'));
  if (found.length === 0) {
    throw new UsageError(`${glob}: no target ${place === 'guest' ? 'of the guest' : 'of this machine'} is called so`);
  }
  const judged = found.filter((target) => {
    try {
      checkTarget(target, place, consent);
      return true;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      complain(`left out: ${error.message}`);
      return false;
    }
  });
  if (judged.length === 0) throw new UsageError(`${glob}: none of these targets can be judged here`);
  return judged.map((target) => ({ target, words: [target.facts.name] }));
}

/** What exists already, in words. */
function forms(last: 'and' | 'or'): string {
  const all = Object.values(externalForms);
  return `${all.slice(0, -1).join(', ')} ${last} ${all.at(-1)}`;
}

function consentOf({ yes = [], despite = [], dryRun = false }: TargetOptions): FunctionConsent {
  return { yes: yes.map((text) => addressIn(text, '--yes')), despite, dryRun };
}

function targetOf(name: string, place: RunCommand, consent: FunctionConsent): TargetArgument {
  const external = externalName(name);
  if (external !== undefined) return fromExternal(external, place, consent);
  const target = targetByName(name);
  if (target !== undefined) return { target, words: [name] };
  const near = didYouMean(name, [...targetNames(), ...externalSchemes.map((scheme) => `${scheme}:`)]);
  if (name.includes('/')) {
    throw new UsageError(`${name}: no such target; a socket that is served there is vhost-user:${name}`);
  }
  throw new UsageError(`${name}: no such target${near || `; there are ${targetNames().join(', ')}, ${forms('and')}`}`);
}

function fromExternal(name: ExternalName, place: RunCommand, consent: FunctionConsent): TargetArgument {
  switch (name.scheme) {
    case 'vhost-user':
      return fromSocket(name);
    case 'mdev':
      return fromMdev(name, place);
    case 'vhost-vdpa':
      return fromVdpa(name, place);
    case 'vfio-pci':
      return fromFunction(name, place, consent);
    case 'vhost-net': {
      const target = externalVhostNet(name);
      return { target, words: [target.facts.name] };
    }
  }
}

/** `vhost-user:PATH?device=net`: a socket that is served already. Its offer shows the device type. */
function fromSocket(name: ExternalName): TargetArgument {
  const { place: path } = name;
  if (path === '') throw new UsageError(`${name.name}: a path is missing (vhost-user:PATH)`);
  const answers = answersOf(name);
  const offered = deviceOffering(peerOf(path).offered);
  const { device = offered, facts } = answers;
  if (device === 'block' && offered === 'net')
    throw new UsageError(`${path}: it offers feature bits of a network device`);
  // By its whole path: a resumed run, and the command of a finding, must name the same target from any directory.
  const target = externalTarget(resolve(path), `vhost-user:${resolve(path)}`, device);
  return { target: withAnswers(target, facts), words: [`${target.facts.name}${askedOf(name)}`] };
}

/** `mdev:UUID?device=net`: a mediated device that exists already. */
function fromMdev(name: ExternalName, place: RunCommand): TargetArgument {
  const { device, facts } = answersOf(name);
  const uuid = uuidIn(name.place, name.name);
  const target = place === 'guest' ? externalMdevOfGuest(uuid, device) : externalMdev(uuid, device);
  return { target: withAnswers(target, facts), words: [`${target.facts.name}${askedOf(name)}`] };
}

/** `vhost-vdpa:/dev/vhost-vdpa-0?returns=same-port`: a device file that exists already. Its device id shows the type. */
function fromVdpa(name: ExternalName, place: RunCommand): TargetArgument {
  const { device, facts } = answersOf(name);
  const target =
    place === 'guest' ? externalVdpaOfGuest(name.place, device) : externalVdpa(resolve(name.place), device);
  return { target: withAnswers(target, facts), words: [`${target.facts.name}${askedOf(name)}`] };
}

/** `vfio-pci:0000:65:00.2?returns=same-port`: a virtio function of this host. Its ids show the type. */
function fromFunction(name: ExternalName, place: RunCommand, consent: FunctionConsent): TargetArgument {
  const address = addressIn(name.place, name.name);
  if (place === 'guest') {
    throw new UsageError(`${name.name}: is of this machine; the guest has virtio-net-pci and virtio-blk-pci`);
  }
  const { device, facts } = answersOf(name);
  const target = externalFunction(address, device, consent);
  return {
    target: withAnswers(target, facts),
    words: [
      `${target.facts.name}${askedOf(name)}`,
      ...['--yes', address],
      ...consent.despite.flatMap((use) => ['--despite', use]),
    ],
  };
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

function fromFile(path: string): TargetArgument {
  const target = readTargetFile(path, targetByName);
  if (target.start === undefined && target.reach.via === 'unix-socket') peerOf(target.reach.socket);
  return { target, words: ['--target-file', resolve(path)] };
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
