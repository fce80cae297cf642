import t from 'tap';
import { commandLines } from '../html/command-lines.ts';

t.test('a shell splits the command of a run into its words again', async (t) => {
  const words = ['vhost-conformance', 'run', '--exec', 'mine --socket {socket}', '--case', '**/*reset*'];
  const line = "vhost-conformance run --exec 'mine --socket {socket}' --case '**/*reset*'";
  t.strictSame(commandLines(words), [line]);
  t.strictSame(commandLines([...words, ';', 'vhost-conformance', 'run']), [line, 'vhost-conformance run']);
});
