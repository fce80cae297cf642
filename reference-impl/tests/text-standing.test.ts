import t from 'tap';
import { conflictingVersions, newestVersions, textStandingOf } from '../catalogue/text-standing.ts';

const versions = [
  { name: 'a-1', family: 'a' },
  { name: 'a-2', family: 'a' },
  { name: 'a-3', family: 'a' },
  { name: 'b-1', family: 'b' },
];
const always = { since: 'a-1', until: null };
const middle = { since: 'a-2', until: null };
const newest = { since: 'a-3', until: null };
const ended = { since: 'a-1', until: 'a-2' };
const only = { since: 'b-1', until: null };

t.test('without a choice, what at least two versions or the only one say to the newest is in force', async (t) => {
  t.equal(textStandingOf(always, versions, []), 'in-force');
  t.equal(textStandingOf(middle, versions, []), 'in-force');
  t.equal(textStandingOf(newest, versions, []), 'newest-text-only');
  t.equal(textStandingOf(ended, versions, []), 'withdrawn');
  t.equal(textStandingOf(only, versions, []), 'in-force');
});

t.test('a chosen version holds what began before it and had not ended', async (t) => {
  t.equal(textStandingOf(newest, versions, ['a-3']), 'in-force');
  t.equal(textStandingOf(ended, versions, ['a-3']), 'withdrawn');
  t.equal(textStandingOf(ended, versions, ['a-2']), 'in-force');
  t.equal(textStandingOf(middle, versions, ['a-1']), 'later-text');
  t.equal(textStandingOf(newest, versions, ['a-2']), 'later-text');
});

t.test('a choice of another text changes nothing', async (t) => {
  t.equal(textStandingOf(newest, versions, ['b-1']), 'newest-text-only');
  t.equal(textStandingOf({ since: 'unknown', until: null }, versions, ['a-1']), 'in-force', 'as in older records');
});

t.test('choices', async (t) => {
  t.same(newestVersions(versions), ['a-3', 'b-1']);
  t.equal(conflictingVersions(versions, ['a-1', 'b-1']), undefined);
  t.same(conflictingVersions(versions, ['b-1', 'a-1', 'a-3']), ['a-1', 'a-3']);
});
