import { readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FaultyReference } from '../faulty-reference.ts';
import { mutatedFiles } from './mutated-files.ts';
import { allowHits, coverFor, isFixed, isHitLimit, reached, switchOn } from './switches.ts';
import { itemsOf, type TrialItem, type TrialPlace, trialPlaces } from './trial-items.ts';
import type { CoverOrder, Detection, Trial, TryOrder, WorkerLine, WorkerOrder } from './worker-messages.ts';

const say = (line: WorkerLine): void => {
  writeSync(1, `${JSON.stringify(line)}\n`);
};

function cover({ places, firstVariants, mutants }: CoverOrder): void {
  const wanted = new Set(mutants);
  const of = (ids: readonly string[]): string[] => ids.filter((id) => wanted.has(id));
  say({ kind: 'loaded', mutants: of(reached()) });
  for (const place of trialPlaces.filter(({ name }) => places.includes(name))) {
    coverFor(place.name);
    const reference = openReference(place);
    say({ kind: 'opened', place: place.name, mutants: of(reached(place.name)) });
    for (const { key, definition, variant, axes, rank } of itemsOf(place)) {
      if ((firstVariants && rank > 0) || reference.missing(definition, axes).length > 0) continue;
      coverFor(key);
      const before = process.cpuUsage();
      const { verdict } = reference.judge(definition, variant, axes);
      const { user, system } = process.cpuUsage(before);
      const durationMs = (user + system) / 1000;
      say({ kind: 'ran', item: key, verdict, durationMs, rank, mutants: of(reached(key)) });
    }
    reference.close();
  }
}

const openReference = ({ showing, device }: TrialPlace): FaultyReference => new FaultyReference(showing, device, []);

function attempt({ trials }: TryOrder): void {
  const known = new Map(trialPlaces.flatMap(itemsOf).map((item) => [item.key, item]));
  // What applies is known from the reference without a mutant.
  for (const place of isFixed() ? [] : trialPlaces) openReference(place);
  for (const trial of trials) {
    const open = new Map<string, FaultyReference>();
    switchOn(trial.mutant);
    const end = attemptOne(trial, known, open);
    switchOn(undefined);
    for (const reference of open.values()) reference.close();
    if (end.kind === 'killed' && !isFixed() && !passesWithout(known, end.item)) {
      say({ kind: 'spoilt', mutant: trial.mutant, item: end.item });
      return;
    }
    say(end);
  }
}

function attemptOne(
  { mutant, items }: Trial,
  known: ReadonlyMap<string, TrialItem>,
  open: Map<string, FaultyReference>,
): End {
  let tried = 0;
  for (const key of items) {
    const item = known.get(key);
    if (item === undefined) throw new Error(`${key}: no such item`);
    say({ kind: 'trying', mutant, item: key });
    allowHits();
    const end = endOf(mutant, item, open);
    if (end?.kind === 'killed') return end;
    if (end !== undefined) say(end);
    tried++;
  }
  return { kind: 'survived', mutant, tried };
}

type End = Extract<WorkerLine, { kind: 'killed' | 'survived' }>;

/** Whether this process still judges right: a mutant may have left something behind. */
function passesWithout(known: ReadonlyMap<string, TrialItem>, key: string): boolean {
  const item = known.get(key);
  const place = trialPlaces.find(({ name }) => name === item?.place);
  if (item === undefined || place === undefined) return false;
  const reference = openReference(place);
  const { verdict } = reference.judge(item.definition, item.variant, item.axes);
  reference.close();
  return verdict === 'pass';
}

function endOf(
  mutant: string,
  item: TrialItem,
  open: Map<string, FaultyReference>,
): Extract<WorkerLine, { kind: 'killed' | 'threw' }> | undefined {
  const { key, definition, variant, axes } = item;
  let reference = open.get(item.place);
  try {
    if (reference === undefined) {
      const place = trialPlaces.find(({ name }) => name === item.place);
      if (place === undefined) throw new Error(`${item.place}: no such place`);
      reference = openReference(place);
      open.set(item.place, reference);
    }
  } catch (error) {
    return { kind: 'killed', mutant, item: key, by: 'not-served', what: textOf(error) };
  }
  try {
    if (reference.missing(definition, axes).length > 0) return undefined;
    const { verdict, findings, error, isUnserved } = reference.judge(definition, variant, axes);
    if (isUnserved === true) {
      return { kind: 'killed', mutant, item: key, by: 'not-served', what: 'nothing answers before the case' };
    }
    const [finding] = findings;
    if (verdict === 'fail') {
      return { kind: 'killed', mutant, item: key, by: 'finding', what: `${finding?.requirement}: ${finding?.what}` };
    }
    return verdict === 'error' ? thrown(mutant, key, error ?? 'no reason') : undefined;
  } catch (error) {
    return thrown(mutant, key, textOf(error));
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** An error that the device throws is a crash of the device; one that a case throws is a defect of the case. */
function thrown(mutant: string, item: string, text: string): Extract<WorkerLine, { kind: 'killed' | 'threw' }> {
  const by: Detection | undefined = isHitLimit(text) ? 'hang' : isThrownByDevice(text) ? 'crash' : undefined;
  const what = text.split('\n').slice(0, 3).join(' ');
  return by === undefined ? { kind: 'threw', mutant, item, what } : { kind: 'killed', mutant, item, by, what };
}

/** The edge of a device of this process, which is handed what the device answers to a call: nothing else fails there. */
const isOfEdge = (frame: string): boolean => /\/dist\/drivers\/vfio\/in-process-vfio\.[jt]s:/.test(frame);

/**
 * Whether, of the two sides of the reference, the device's code stands nearer to the throw. The addon and the edge of the
 * reference serve both, but for the loop of its back-end: what that stumbles over is what a session gave it.
 */
function isThrownByDevice(stack: string): boolean {
  const frames = stack.split('\n').filter((line) => line.includes('/dist/'));
  if (frames[0] !== undefined && isOfEdge(frames[0])) return true;
  const frame = frames.find((line) => isOfDriver(line) || isOfDevice(line) || isOfBackEnd(line));
  return frame !== undefined && !isOfDriver(frame);
}

const isOfBackEnd = (frame: string): boolean =>
  /\/drivers\/reference\/(reference-back-end|reference-connection)\.[jt]s:/.test(frame);

const isOfDriver = (frame: string): boolean =>
  /\/dist\/(suites|judging|drivers)\//.test(frame) &&
  !/\/dist\/drivers\/(native\/|reference\/|session\/in-process-device|session\/event-holder|vfio\/in-process-vfio|vhost-vdpa\/in-process-vdpa)/.test(
    frame,
  );
const deviceFiles = mutatedFiles(fileURLToPath(new URL('../../', import.meta.url)));
const isOfDevice = (frame: string): boolean =>
  deviceFiles.some((file) => frame.includes(`/${file}:`) || frame.includes(`/${file.replace(/\.js$/, '.ts')}:`));

const order = JSON.parse(readFileSync(0, 'utf8')) as WorkerOrder;
switch (order.kind) {
  case 'cover':
    cover(order);
    break;
  case 'try':
    attempt(order);
    break;
}
