import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { didYouMean, nearMatches } from '../../drivers/near-matches.ts';
import { allCases } from '../../suites/all-cases.ts';
import { rerunLine } from '../rerun-line.ts';
import { shellLine, splitShellLine } from '../shell-words.ts';

t.test('words survive a shell line', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }).filter((word) => !word.includes('\0'))), (words) => {
      assert.deepEqual(splitShellLine(shellLine(words)), words);
    }),
  );
  const words = ["it's", '', 'a b', '$HOME', '`x`', '\\', '"', '*'];
  const { stdout } = spawnSync('/bin/sh', ['-c', `printf '%s\\n' ${shellLine(words)}`], { encoding: 'utf8' });
  t.same(stdout.split('\n').slice(0, -1), words, 'a real shell agrees');
});

t.test('a command line is split as a shell does', async (t) => {
  t.same(splitShellLine(`./x -s {socket}  "a b" c\\ d 'e"f'`), ['./x', '-s', '{socket}', 'a b', 'c d', 'e"f']);
  t.same(splitShellLine('  '), []);
  t.throws(() => splitShellLine(`x "y`), { code: 'USAGE', message: /a quote or an escape is not closed/ });
  t.throws(() => splitShellLine('x \\'), { code: 'USAGE' });
});

t.test('a case is run again by one line', async (t) => {
  const [definition] = allCases;
  if (definition === undefined) throw new RangeError('no case');
  t.equal(
    rerunLine(['run', 'reference'], { key: 'a/b[x=1]', definition, axes: {} }, 7, 'size=3'),
    "npx vhost-conformance run reference --case 'a/b[x=1]' --layout split --negotiation minimal --point size=3 --seed 7",
  );
  t.match(
    rerunLine(['run', 'reference'], { key: 'a/b', definition, axes: { negotiation: 'offered' } }, 7),
    /--case a\/b --layout split --negotiation offered/,
  );
});

t.test('near names are offered, far ones are not', async (t) => {
  t.equal(didYouMean('referense', ['reference', 'dpdk-testpmd']), ' (did you mean reference?)');
  t.equal(didYouMean('testpmd', ['reference', 'dpdk-testpmd']), ' (did you mean dpdk-testpmd?)');
  t.equal(
    didYouMean('VIRTIO_F_EVENT_IX', ['VIRTIO_F_EVENT_IDX', 'VIRTIO_F_IN_ORDER']),
    ' (did you mean VIRTIO_F_EVENT_IDX?)',
  );
  t.equal(didYouMean('something-else', ['reference', 'dpdk-testpmd']), '');
  t.equal(nearMatches('aaaa', ['aaab', 'aaac', 'aaad', 'aaae']).length, 3, 'at most three');
});
