import t from 'tap';
import { Losses } from '../patience.ts';

t.test('losses are counted by kind, and once for each input', async (t) => {
  const losses = new Losses({ silences: 2, deaths: 2 });
  losses.wasSilent('a', 'rings');
  losses.died('b', 'rings');
  losses.wasSilent('a', 'rings');
  losses.died('b', 'rings');
  losses.died('c', 'messages');
  t.same(losses.allGivenUp, [], 'a repetition of the same input costs no patience, and kinds do not add up');
  losses.died('d', 'messages');
  t.equal(losses.givenUp('messages'), 'given up: it died in 2 results of messages');
  t.equal(losses.givenUp('rings'), undefined);
  losses.wasSilent('e', 'rings');
  t.equal(losses.givenUp('rings'), 'given up: it was silent in 2 results of rings');
  t.equal(losses.allGivenUp.length, 2);
});

t.test('deaths are never given up for where a start is cheap', async (t) => {
  const losses = new Losses({ silences: 1, deaths: undefined });
  for (const input of ['a', 'b', 'c', 'd']) losses.died(input, 'messages');
  t.equal(losses.givenUp('messages'), undefined);
});

t.test('behind three silent kinds a further one costs less', async (t) => {
  const losses = new Losses({ silences: 4, deaths: 1 });
  for (const kind of ['a', 'b', 'c'])
    for (const input of ['1', '2', '3', '4']) losses.wasSilent(`${kind}${input}`, kind);
  t.equal(losses.givenUp('d'), undefined, 'nothing is known of it yet');
  losses.wasSilent('d1', 'd');
  t.equal(losses.givenUp('d'), 'given up: it was silent in 1 result of d');
});
