import type { BackEndProgram, DriverPort, IutExit, ProgramRun, VhostUserSession } from '../../drivers/port/port.ts';
import { givenWithin } from '../../judging/deadline.ts';
import { exitText } from '../../judging/failure.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';

/** The program of a back-end as management software starts and ends it (vhost-user, "Backend program conventions"). */

const applies = {
  start: 'closed',
  transports: ['vhost-user'],
  needs: ['program-conventions'],
  ring: 'none',
} as const;

/** Management software sends SIGKILL a few seconds behind SIGTERM. */
const fewSecondsMs = 5000;
/** Programs that are slow to begin have this long. */
const beginsWithinMs = 10_000;

type Port = DriverPort<VhostUserSession>;

function programOf({ program }: Port, check: Check): BackEndProgram {
  check.presumes(program !== undefined, 'the program can be started from here');
  return program as BackEndProgram;
}

const soon = ({ facts }: Port, milliseconds: number): number => milliseconds * facts.deadlineScale;

const listensWithin = (run: ProgramRun, ms: number): boolean => givenWithin(ms, (within) => run.listens(within));
const answersWithin = (run: ProgramRun, ms: number): boolean => givenWithin(ms, (within) => run.answers(within));
const exitWithin = (run: ProgramRun, ms: number): IutExit | undefined =>
  givenWithin(ms, (within) => run.waitForExit(within));

const pathOption = (path: string): string[] => [`--socket-path=${path}`];

/** The program with --socket-path, once it listens there or has ended. */
function listening(port: Port, check: Check): { readonly run: ProgramRun; readonly listens: boolean } {
  const run = programOf(port, check).start('path', pathOption);
  return { run, listens: listensWithin(run, soon(port, beginsWithinMs)) };
}

const shown = (exit: IutExit | undefined): string => (exit === undefined ? 'it runs' : `it ended by ${exitText(exit)}`);

/** A program that crashes has not ended as it was told to. */
const crashes: readonly string[] = ['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGILL', 'SIGFPE', 'SIGSYS'];
const isCrash = ({ signal }: IutExit): boolean => signal !== undefined && crashes.includes(signal);

export const foreground = defineCase({
  id: 'vhost-user/programs/the-program-stays-in-the-foreground',
  title: 'the process that was started goes on while its socket listens',
  proves: { 'vu-program/program-stays-in-foreground': 'program-daemonizes' },
  applies,
  run({ port, requirement }) {
    const check = requirement('vu-program/program-stays-in-foreground');
    const { run, listens } = listening(port, check);
    check.presumes(listens, 'the program listens on the path of --socket-path');
    const exit = run.waitForExit(soon(port, 200));
    check.holds(exit === undefined, 'the process that was started', { expected: 'it runs', actual: shown(exit) });
    run.end();
  },
});

export const sigterm = defineCase({
  id: 'vhost-user/programs/sigterm-ends-the-program',
  title: 'SIGTERM ends the program within a few seconds, whether or not a front-end is connected',
  proves: { 'vu-program/sigterm-ends-program-cleanly': 'program-ignores-sigterm' },
  applies,
  variants: { connected: [false, true] },
  run({ port, variant, requirement }) {
    const check = requirement('vu-program/sigterm-ends-program-cleanly');
    const { run, listens } = listening(port, check);
    check.presumes(listens, 'the program listens on the path of --socket-path');
    if (variant.connected) check.presumes(answersWithin(run, soon(port, beginsWithinMs)), 'GET_FEATURES is answered');
    run.terminate();
    const exit = exitWithin(run, soon(port, fewSecondsMs));
    const isClean = exit !== undefined && !isCrash(exit);
    check.holds(isClean, `the program ${fewSecondsMs} ms behind SIGTERM`, { expected: 'ended', actual: shown(exit) });
    run.end();
  },
});

export const socketPath = defineCase({
  id: 'vhost-user/programs/socket-path-and-fd-give-the-socket',
  title: 'a program that is given its socket by --socket-path, or by --fd, answers a front-end there',
  proves: { 'vu-program/socket-path-and-fd-options': ['program-binds-another-path', 'program-refuses-descriptor'] },
  applies,
  variants: { option: ['socket-path', 'fd'] },
  run({ port, variant, requirement }) {
    const check = requirement('vu-program/socket-path-and-fd-options');
    const within = soon(port, beginsWithinMs);
    if (variant.option === 'socket-path') {
      const { run, listens } = listening(port, check);
      check.holds(listens, 'the path of --socket-path', { expected: 'a socket that listens', actual: 'none' });
      check.holds(answersWithin(run, within), 'GET_FEATURES on it', { expected: 'an answer', actual: 'none' });
      run.end();
      return;
    }
    // The text does not say whether the socket listens or is connected.
    const answered = (['listening', 'connected'] as const).filter((given) => {
      const run = programOf(port, check).start(given, (_, descriptor) => [`--fd=${descriptor}`]);
      const isAnswered = answersWithin(run, soon(port, fewSecondsMs));
      run.end();
      return isAnswered;
    });
    check.holds(answered.length > 0, 'GET_FEATURES on the socket of --fd, listening or connected', {
      expected: 'an answer',
      actual: 'none',
    });
  },
});

function typeIn(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  } catch {
    return undefined;
  }
}

export const capabilities = defineCase({
  id: 'vhost-user/programs/print-capabilities-prints-a-type',
  title: '--print-capabilities prints a JSON object with a type, and the program exits with 0',
  proves: {
    'vu-program/print-capabilities-prints-json': ['program-prints-no-json', 'program-fails-behind-capabilities'],
  },
  applies,
  run({ port, requirement }) {
    const check = requirement('vu-program/print-capabilities-prints-json');
    const run = programOf(port, check).start('path', () => ['--print-capabilities']);
    const exit = exitWithin(run, soon(port, beginsWithinMs));
    check.holds(exit?.code === 0, 'the end of the program', { expected: 'exit code 0', actual: shown(exit) });
    const printed = run.printed();
    run.end();
    check.holds(typeof typeIn(printed) === 'string', 'what it prints', {
      expected: 'a JSON object with a type',
      actual: JSON.stringify(printed.slice(0, 200)),
    });
  },
});

export const failedBegin = defineCase({
  id: 'vhost-user/programs/a-program-that-cannot-begin-says-so',
  title: 'a program that cannot bind its socket ends, and its exit code is not 0',
  proves: { 'vu-program/unmet-feature-option-exits-non-zero': 'program-fails-with-success' },
  applies,
  run({ port, requirement }) {
    const check = requirement('vu-program/unmet-feature-option-exits-non-zero');
    // No folder can be made there.
    const run = programOf(port, check).start('path', () => pathOption('/dev/null/socket'));
    const exit = exitWithin(run, soon(port, fewSecondsMs));
    const isTold = exit !== undefined && exit.code !== 0 && !isCrash(exit);
    check.holds(isTold, 'a program whose socket would lie below a file', {
      expected: 'it ended by an exit code that is not 0',
      actual: shown(exit),
    });
    run.end();
  },
});
