import { Writable } from 'node:stream';
import t from 'tap';
import { ProgressBar } from '../progress-bar.ts';
import { ProgressLines } from '../progress-lines.ts';

/** What is written to a terminal of that width. */
function terminal(columns: number): { readonly stream: NodeJS.WriteStream; readonly text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const written = Object.assign(stream, { columns, rows: 24, isTTY: true });
  return { stream: written as unknown as NodeJS.WriteStream, text: () => text };
}

const two = new Map([
  ['reference', 2],
  ['dpdk-testpmd', 8],
]);

t.test('lines name each target with its own count, and all of them together', (t) => {
  const { stream, text } = terminal(80);
  const lines = new ProgressLines(stream, two);
  lines.target('reference', 2, undefined);
  lines.finished('reference', 'pass');
  lines.finished('reference', 'pass');
  lines.target('dpdk-testpmd', 8, undefined);
  for (let n = 0; n < 8; n++) lines.finished('dpdk-testpmd', n < 3 ? 'fail' : 'pass');
  const said = text().trimEnd().split('\n');
  t.equal(said[0], 'reference: 2 results to come');
  t.match(said[2], /^reference 2\/2, dpdk-testpmd 0\/8; together 2\/10 0:0\d 2 pass$/);
  t.match(said.at(-1), /^reference 2\/2, dpdk-testpmd 8\/8; together 10\/10 0:0\d 7 pass, 3 fail$/);
  t.end();
});

t.test('of one target the line is its own', (t) => {
  const { stream, text } = terminal(80);
  const lines = new ProgressLines(stream, new Map([['reference', 1]]));
  lines.target('reference', 1, undefined);
  lines.finished('reference', 'pass');
  t.match(text(), /\nreference: 1\/1 0:0\d 1 pass\n$/);
  t.end();
});

t.test('of many targets those at their end and those to come are added up', (t) => {
  const { stream, text } = terminal(80);
  const lines = new ProgressLines(stream, new Map(Array.from({ length: 30 }, (_, n) => [`target-${n}`, 10])));
  const several = (from: number, to: number, results: number): void => {
    for (let n = from; n < to; n++) for (let m = 0; m < results; m++) lines.finished(`target-${n}`, 'pass');
  };
  several(0, 3, 10);
  several(3, 5, 5);
  several(5, 7, 10);
  const last = text().trimEnd().split('\n').at(-1);
  t.match(
    last,
    /^5 targets complete 50\/50, target-3 5\/10, target-4 5\/10, 23 targets to come 0\/230; together 60\/300 /,
  );
  t.end();
});

t.test('a bar has the counts of all targets below it, and what runs', (t) => {
  const { stream, text } = terminal(60);
  const bar = new ProgressBar(stream, two);
  bar.target('dpdk-testpmd');
  bar.begin('virtio/a');
  bar.finished('reference', 'pass');
  bar.finished('dpdk-testpmd', 'fail');
  bar.stop();
  const drawn = text();
  t.match(drawn, /2\/10 0:0\d {2}1 pass, 1 fail/);
  t.match(drawn, /\n(\S*)reference 1\/2, dpdk-testpmd 1\/8/);
  t.match(drawn, 'dpdk-testpmd  virtio/a');
  t.end();
});
