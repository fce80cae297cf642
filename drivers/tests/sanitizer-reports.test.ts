import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { IutProcess } from '../iut-process/iut-process.ts';
import { readReport, reportsIn } from '../sanitizers/sanitizer-report.ts';
import { open, target } from './small-program.ts';

const undefinedText = [
  "queue.c:6:74: runtime error: index 9 out of bounds for type 'VuVirtq [8]'",
  '    #0 0x55b3 in take /home/queue.c:6:74',
  '    #1 0x55b4 in process(int) /home/queue.c:20:1',
  '    #2 0x7fd7 in __libc_start_call_main csu/main.h:58:16',
  '',
  'SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior queue.c:6:74 in ',
];
const addressText = [
  '=================================================================',
  '==6971==ERROR: AddressSanitizer: heap-use-after-free on address 0x557d at pc 0x557d bp 0x7fff sp 0x7fff',
  'READ of size 4 at 0x557d thread T0',
  '    #0 0x557d in __interceptor_memcpy (/lib/libasan.so.8+0x12)',
  '    #1 0x557d in take /home/queue.c:6:74',
  '',
  '0x557d is located 4 bytes inside of 8-byte region',
  'freed by thread T0 here:',
  '    #0 0x557d in release /home/queue.c:9:1',
  '',
  'SUMMARY: AddressSanitizer: heap-use-after-free /home/queue.c:6:74 in take',
  'Shadow bytes around the buggy address:',
  '  0x0ab025c71080: 00 00 00 00',
];

t.test('what was written is cut into reports, and one that is not whole is told to be so', (t) => {
  const [first, second, third] = reportsIn([...undefinedText, ...addressText, ...undefinedText.slice(0, 2)].join('\n'));
  t.match(first, { isWhole: true, text: /^queue.c.*:58:16$/s });
  t.match(second, { isWhole: true, text: /^==6971==.*in take$/s });
  t.match(third, { isWhole: false });
  t.end();
});

t.test('a report gives the kind of error and the functions of the IUT, without what changes from run to run', (t) => {
  t.same(
    { ...readReport(undefinedText.join('\n')), text: '' },
    {
      tool: 'UndefinedBehaviorSanitizer',
      error: "index N out of bounds for type 'VuVirtq [8]'",
      functions: ['take', 'process'],
      text: '',
    },
  );
  t.same(
    { ...readReport(addressText.slice(1).join('\n')), text: '' },
    { tool: 'AddressSanitizer', error: 'heap-use-after-free READ', functions: ['take'], text: '' },
  );
  const message = (text: string) => readReport(`a.c:1:2: runtime error: ${text}`).error;
  t.equal(message('applying non-zero offset 48 to null pointer'), 'applying non-zero offset N to null pointer');
  t.equal(
    message("load of value 190, which is not a valid value for type 'bool'"),
    "load of value N, which is not a valid value for type 'bool'",
  );
  t.equal(
    message('signed integer overflow: -2147483648 + -3 cannot be represented'),
    'signed integer overflow: N + N cannot be represented',
  );
  t.end();
});

const directory = mkdtempSync(join(tmpdir(), 'vc-instrumented-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
const program = join(directory, 'program');
const source = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

t.test('the program compiles, with the coverage runtime', (t) => {
  const object = join(directory, 'program.o');
  const compile = (...words: string[]) => {
    const { status, stderr } = spawnSync('gcc', words, { encoding: 'utf8' });
    t.equal(status, 0, stderr);
  };
  const flags = [
    '-g',
    '-O1',
    '-fno-omit-frame-pointer',
    '-fsanitize=address,undefined',
    '-static-libasan',
    '-static-libubsan',
  ];
  const instrumented = source('drivers/tests/instrumented-program.c');
  compile(...flags, '-fsanitize-coverage=trace-pc', '-c', instrumented, '-o', object);
  compile(
    ...flags,
    '-Wall',
    '-Wextra',
    '-Werror',
    object,
    source('fixtures/native-targets/coverage-runtime.c'),
    '-o',
    program,
  );
  t.end();
});

/** The program, doing what each letter says. */
function doing(test: Test, letters: string): IutProcess {
  const iut = open(test, target({ command: program, arguments: ['{socket}', letters] }));
  iut.start();
  iut.signal('SIGUSR1');
  return iut;
}

t.test('a report comes with the end of the process, with the function that did it', (t) => {
  const exit = doing(t, 'b').waitForExit(20_000);
  t.equal(exit?.signal, 'SIGABRT');
  t.match(exit?.report, {
    tool: 'AddressSanitizer',
    error: 'heap-buffer-overflow WRITE',
    functions: ['write_behind'],
    text: /write_behind .*instrumented-program\.c:\d+/,
  });
  t.end();
});

t.test('what is undefined is told once while the process goes on', (t) => {
  const iut = doing(t, 'nnw');
  let reports = iut.reports();
  for (let wait = 0; reports.length === 0 && wait < 400; wait++) {
    iut.waitForExit(50);
    reports = iut.reports();
  }
  t.match(reports, [{ tool: 'UndefinedBehaviorSanitizer', functions: ['overflow_number'] }]);
  t.ok(iut.isAlive());
  t.same(iut.reports(), []);
  t.equal(iut.resources()?.memory, undefined, 'what AddressSanitizer keeps is not held by the program');
  t.ok((iut.resources()?.descriptors ?? 0) > 0);
  iut.restart();
  iut.signal('SIGUSR1');
  for (let wait = 0; iut.reports().length === 0 && wait < 400; wait++) iut.waitForExit(50);
  t.ok(iut.isAlive(), 'a fresh process tells it again');
  t.end();
});

t.test('edges are counted in memory that outlives the process', (t) => {
  const edges = (letters: string): Map<number, number> => {
    const iut = doing(t, letters);
    iut.waitForExit(20_000);
    const seen = new Map<number, number>();
    iut.coverage.read((edge, times) => seen.set(edge, times));
    t.not(iut.coverage.program, undefined);
    iut.coverage.clear();
    iut.coverage.read(() => t.fail('it is cleared'));
    return seen;
  };
  const short = edges('n');
  const long = edges('nnn');
  t.ok(short.size > 3, 'the program has edges');
  t.same([...long.keys()].sort(), [...short.keys()].sort(), 'the same edges');
  t.ok(
    [...long].some(([edge, times]) => times > (short.get(edge) ?? 0)),
    'some more often',
  );
  t.same([...edges('n')].sort(), [...short].sort(), 'the same again');
  t.ok(edges('b').size > 3, 'also of a process that died');
  t.end();
});

t.test('a process that cannot report leaves the function that it was in', (t) => {
  const exit = doing(t, 'u').waitForExit(20_000);
  t.match(exit, { signal: 'SIGSEGV', lastFunction: 'unmap_all' });
  t.end();
});
