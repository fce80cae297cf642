import type { Program } from '../../program/program.ts';
import type { LawfulShape } from '../lawful-shape.ts';
import type { Step } from '../lawful-step.ts';
import type { Setting } from '../setting.ts';
import { command } from './command-steps.ts';
import { halt, remap, untold } from './file-steps.ts';
import { LaidRings } from './laid-rings.ts';
import { log, takeOver, transfer } from './message-steps.ts';
import { attachEarly, awake, cut, dormant, pause, pauseOther, renegotiate, rest, swap } from './ring-steps.ts';
import { sessionShape } from './session-shape.ts';
import { layWrong, type WrongChain } from './wrong-chain.ts';

/**
 * Lays the calls of a program: a session with its rings, and one step after another.
 * @param wrong what comes behind all that is lawful.
 */
export function layProgram(shape: LawfulShape, setting: Setting, steps: readonly Step[], wrong?: WrongChain): Program {
  const laid = new LaidRings(sessionShape(shape, setting), setting);
  begin(laid, steps);
  for (const step of steps) lay(laid, step);
  laid.stop();
  if (wrong !== undefined) layWrong(laid, wrong);
  const { epilogue, short } = setting;
  if (setting.asksForObjects) laid.askForObjects();
  for (const message of short === undefined ? epilogue : [...epilogue, short]) laid.tell(message);
  return { calls: laid.calls };
}

/** The first session, its memory, and its first rings. */
function begin(laid: LaidRings, steps: readonly Step[]): void {
  const { setting } = laid;
  const { isFile, isOld, isTranslated, device } = laid.shape;
  laid.session = laid.add('connect');
  laid.negotiate();
  laid.memory = laid.add('memory', { layout: setting.memory });
  laid.share();
  laid.rings = laid.placed(laid.ringCount, setting.start);
  for (const message of setting.prologue) laid.tell(message);
  if (setting.tellsAddresses && !isFile && !isTranslated) laid.tellAddresses(laid.rings[0] ?? 0, 0);
  const isDormant = setting.isDormant && !isFile && !isOld && device !== 'net';
  const early = steps.find((step) => step.kind === 'chains')?.chains[0];
  if (!isDormant) laid.attach();
  else if (setting.isReadyLate && early !== undefined) attachEarly(laid, early);
  else {
    laid.attach(false);
    awake(laid);
  }
}

function lay(laid: LaidRings, step: Step): void {
  const { isFile, isOld } = laid.shape;
  switch (step.kind) {
    case 'chains':
      laid.chains(step.chains, step.waits);
      if (laid.others.length > 0) laid.turnTo(step.chains.length);
      return;
    case 'story':
      for (const chain of step.chains) laid.chains([{ ...chain, isHeld: false }], 'all');
      return;
    case 'burst':
      laid.burst(step.chain, step.times, step.waits);
      return;
    case 'pause':
      pause(laid, step);
      return;
    case 'ask':
      laid.drain();
      laid.add('ask', { queue: laid.queue, how: step.how, after: step.after, flagged: step.flagged });
      return;
    case 'rest':
      rest(laid, step);
      return;
    case 'cut':
      cut(laid, step);
      return;
    case 'renegotiate':
      renegotiate(laid, step);
      return;
    case 'other':
      pauseOther(laid, step);
      return;
    case 'dormant':
      dormant(laid, step);
      return;
    case 'swap':
      swap(laid, step);
      return;
    case 'halt':
      halt(laid, step);
      return;
    case 'remap':
      remap(laid, step);
      return;
    case 'untold':
      untold(laid, step);
      return;
    case 'commands':
      command(laid, step);
      return;
    case 'calls':
      for (const each of step.drafts) laid.draft(each);
      return;
    case 'stop':
      laid.stop();
      laid.attach();
      return;
    case 'reconnect':
      laid.stop();
      laid.reconnect();
      laid.attach();
      return;
    case 'takeover':
      takeOver(laid, step);
      return;
    case 'logging':
      log(laid, step);
      return;
    case 'transfer':
      transfer(laid, step);
      return;
    case 'told':
      laid.tell(step.message);
      return;
    case 'features':
      laid.tellFeatures(step.word);
      return;
    case 'configuration':
      laid.readConfiguration(step);
      return;
    case 'plain':
      if (step.what === 'fence') laid.add('fence', { session: laid.session });
      else if (step.what === 'share' && isFile) return;
      else if (step.what === 'enable' && isOld) return;
      else if (step.what === 'share') laid.share();
      else laid.add(step.what, { queue: laid.queue });
  }
}
