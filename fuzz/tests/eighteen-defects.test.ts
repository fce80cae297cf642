import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { bucketOf } from '../executor/bucket.ts';
import { Examiner } from '../executor/examiner.ts';
import { knownTarget } from '../judging/known-target.ts';
import { parseProgram } from '../program/parse-program.ts';
import { resolved } from '../program/references.ts';
import { startedDisk } from './started-disk.ts';

const sources = ['back-end.c', 'rings.c'].map((file) =>
  fileURLToPath(new URL(`../../../fixtures/eighteen-defects/${file}`, import.meta.url)),
);
const directory = mkdtempSync(join(tmpdir(), 'vc-eighteen-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
const program = join(directory, 'back-end');
const { status, stderr } = spawnSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, ...sources], {
  encoding: 'utf8',
});
if (status !== 0) throw new Error(stderr);

const served =
  'r1 = connect\nr2 = negotiate device=0x150000200 protocol=0x9\nr3 = memory\nr4 = share\nr5 = ring\nr6 = attach\n';
const kicked = 'r20 = kick\nr21 = wait\n';
const message = (words: string): string => `r1 = connect\nr2 = negotiate\nr3 = message ${words}\n`;
const field = (...fields: readonly string[]): string => `fields=[${fields.map((each) => `{${each}}`).join(' ')}]`;
const chain = (segments: string): string => `${served}r7 = chain segments=[${segments}]\n${kicked}`;
const ringWrite = (area: string, offset: number, bytes: string): string =>
  `${chain('{bytes=00*16} {writable=yes length=513}').replace(kicked, '')}r8 = ring-write area=${area} offset=${offset} bytes=${bytes}\n${kicked}`;

/** Messages that end it at once. */
const shallow: Readonly<Record<string, string>> = {
  'next-message-message-header-flags-3-1': message('request=1 flags=2'),
  'next-message-message-header-size-MOST-PAYLOAD': message('request=1 declared=0x10000'),
  'handle-header-request-0-header-request-LAST-REQUEST': message('request=200'),
  'handle-word-of-message-offered-0': message(`request=2 ${field('name=u64 value=0x8000000000000000')}`),
  'handle-second-of-message-0': message(`request=8 ${field('name=num value=0')}`),
  'handle-second-of-message-1': message(`request=18 ${field('name=num value=2')}`),
  'ring-of-index-QUEUES': message(`request=11 ${field('name=index value=9')}`),
  'take-event-has-none-message-fd-count-0': message('request=12'),
  'set-addresses-at-told-used-1-true-NULL': message('request=9'),
  'set-memory-count-MOST-REGIONS': message('request=5 bytes=09.00*7'),
  'set-memory-count-message-fd-count': message('request=5 bytes=01.00*39'),
  'configure-window-0-CONFIG-BYTES': message(
    `request=24 ${field('name=offset value=0x1000', 'name=size value=8')} bytes=00*8`,
  ),
};

/** What only a session with rings shows. */
const deep: Readonly<Record<string, string>> = {
  'carry-out-last-writable': chain('{bytes=00*16}'),
  'carry-out-sector-SECTORS': chain('{bytes=00*12.01.00*3} {writable=yes length=513}'),
  'gather-one-length-sizeof-table-0': `${served}r7 = chain direct=0 segments=[{bytes=00*16} {writable=yes length=513}]\nr8 = ring-write offset=8 bytes=21\n${kicked}`,
  'gather-seen-entries': ringWrite('descriptor', 12, '01000000'),
  'serve-head-ring-size': ringWrite('driver', 4, 'ff00'),
  'set-memory-rings-n-runs-rings-n-enabled-rings-n-used-idx-0': `${chain('{bytes=00*16} {writable=yes length=513}')}r22 = share\n`,
};

t.test('each defect of the back-end is a cause of its own, and nothing else is', (t) => {
  const workload = { kind: 'block', queueIndex: 0, companions: [], sectors: 2048 } as const;
  const { port, offer } = startedDisk(program, ['{socket}'], workload, directory);
  t.teardown(() => port.close());
  const examiner = new Examiner(port, { target: knownTarget(port, offer), referenceMeetsDeadline: () => true });
  const examine = (text: string): string | undefined => {
    const whole = resolved(parseProgram(text));
    const finding = examiner.examine(whole);
    if (finding === undefined) return undefined;
    examiner.restart();
    return bucketOf(finding, whole.calls[finding.place]);
  };
  t.equal(examine(chain('{bytes=00*16} {writable=yes length=513}')), undefined, 'a transfer shows none');
  t.equal(examine(message('request=1')), undefined, 'a message shows none');
  t.equal(Object.keys(shallow).length, 12);
  t.equal(Object.keys(deep).length, 6);
  for (const [cause, text] of Object.entries({ ...shallow, ...deep })) t.equal(examine(text), `crash-SIGABRT-${cause}`);
  t.end();
});
