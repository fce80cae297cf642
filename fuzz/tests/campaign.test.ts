import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { machine } from '../campaign/atomic-file.ts';
import { type Bucket, BucketStore } from '../campaign/bucket-store.ts';
import { Campaign } from '../campaign/campaign.ts';
import type { CampaignProgress } from '../campaign/campaign-options.ts';
import { type Moment, withMoment } from '../campaign/campaign-state.ts';
import { cellCalls, cellOf, cellStates } from '../campaign/cells.ts';
import { Corpus } from '../campaign/corpus.ts';
import { Guard } from '../campaign/guard.ts';
import { claimInstances, instanceDirectory, releaseInstances } from '../campaign/instances.ts';
import { KnownLeaks } from '../campaign/known-leaks.ts';
import { SignalMap } from '../campaign/signals.ts';
import { Examiner } from '../executor/examiner.ts';
import { type OutcomeClass, outcomeNumber } from '../executor/outcomes.ts';
import { knownTarget } from '../judging/known-target.ts';
import { parseProgram } from '../program/parse-program.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';

const blockSeed =
  'r1 = connect\nr2 = negotiate\nr3 = memory\nr4 = share\nr5 = ring\nr6 = attach\nr7 = chain segments=[{bytes=08.00*15} {writable=yes length=20} {writable=yes length=1}]\nr8 = kick\nr9 = wait\nr10 = stop\n';

interface Ran {
  readonly ended: string | undefined;
  readonly last: CampaignProgress | undefined;
  readonly buckets: readonly Bucket[];
}

/** A campaign on a reference of this process. */
function campaign(directory: string, seed: number, runs: number, faults: readonly FaultName[] = []): Ran {
  const port = openReference({ device: 'block', deadlineMs: 60_000, faults });
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = knownTarget(port, contact.offer);
    const examiner = new Examiner(port, { target, referenceMeetsDeadline: () => true });
    const buckets: Bucket[] = [];
    let last: CampaignProgress | undefined;
    const ended = new Campaign(
      examiner,
      {
        directory,
        seeds: [parseProgram(blockSeed)],
        seed,
        runs,
        replayWords: (path) => `replay ${path}`,
        nowMs: () => port.nowMs(),
      },
      {
        progress: (progress) => {
          last = progress;
        },
        found: (bucket) => buckets.push(bucket),
        note: () => undefined,
        step: () => undefined,
      },
    ).run();
    return { ended, last, buckets };
  } finally {
    port.close();
  }
}

function inDirectory(use: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-campaign-'));
  try {
    use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

t.test('a campaign on a device without defects finds none, and the same seed reaches the same', (t) => {
  const reached = (seed: number): unknown[] => {
    let found: unknown[] = [];
    inDirectory((directory) => {
      const { ended, last, buckets } = campaign(directory, seed, 10);
      t.equal(ended, undefined);
      t.strictSame(buckets, []);
      t.match(last, { buckets: 0, unconfirmed: 0 });
      t.ok((last?.judgedCalls ?? 0) > 0);
      found = [last?.signals, last?.corpus, readdirSync(join(directory, 'corpus')).sort()];
    });
    return found;
  };
  t.strictSame(reached(5), reached(5));
  t.end();
});

t.test('a fault is found, confirmed, minimised and kept with the command that shows it', (t) => {
  inDirectory((directory) => {
    const { buckets } = campaign(directory, 1, 30, ['used-len-of-id-is-a-sector']);
    const [bucket] = buckets;
    t.match(bucket, { name: 'invariant-split-used-len-bytes-written', shown: 3, runs: 3, isMinimal: true });
    const kept = join(directory, 'buckets', 'invariant-split-used-len-bytes-written');
    const told = JSON.parse(readFileSync(join(kept, 'finding.json'), 'utf8')) as { readonly replay: string };
    t.equal(told.replay, `replay ${join(kept, 'program.pb')}`);
    const { calls } = parseProgram(readFileSync(join(kept, 'program.txt'), 'utf8'));
    t.ok(calls.length <= 3, 'a chain, a kick and a wait are enough');
    t.ok(calls.some(({ kind }) => kind === 'chain'));
    const again = campaign(directory, 1, 36, ['used-len-of-id-is-a-sector']);
    t.strictSame(again.buckets, [], 'a bucket that is known is not found again');
    t.equal(again.last?.buckets, 1);
  });
  t.end();
});

t.test('where the time was too short for the least program of a bucket, the campaign looks for it later', (t) => {
  inDirectory((directory) => {
    const name = 'invariant-split-used-len-bytes-written';
    const store = new BucketStore(join(directory, 'buckets'), () => 'replay');
    const requirement = 'split/used-len-bytes-written';
    store.add(
      {
        name,
        program: parseProgram(blockSeed),
        before: [],
        finding: { kind: 'invariant', place: 8, requirement, what: 'len', actual: '512' },
        shown: 3,
        runs: 3,
        isMinimal: false,
        afterRuns: 7,
      },
      { afterMs: 1234 },
    );
    const { ended, last } = campaign(directory, 1, 2, ['used-len-of-id-is-a-sector']);
    t.equal(ended, undefined);
    t.equal(last?.buckets, 1);
    const kept = join(directory, 'buckets', name);
    t.match(JSON.parse(readFileSync(join(kept, 'finding.json'), 'utf8')), {
      isMinimal: true,
      afterRuns: 7,
      afterMs: 1234,
    });
    t.ok(parseProgram(readFileSync(join(kept, 'program.txt'), 'utf8')).calls.length <= 3);
    t.equal(new BucketStore(join(directory, 'buckets'), () => 'replay').known.get(name)?.isFinished, true);
  });
  t.end();
});

t.test('a leak is looked for without the calls of known leaks', (t) => {
  const leaks = new KnownLeaks();
  const program = (text: string): Program => resolved(parseProgram(text));
  const begin = 'r1 = connect\nr2 = negotiate\n';
  const table = 'r4 = message request=5 descriptors=[{kind=memory-file}]\n';
  const fetches = 'r5 = message request=31 fields=[{name=numQueues value=0x2}]\n';
  const surplus = 'r3 = message request=13 descriptors=[{} {} {}]\n';
  t.equal(leaks.without(program(`${begin}${surplus}${table}`)), undefined, 'nothing is known');
  leaks.add({ name: 'crash-SIGSEGV-x', program: program('r1 = message request=5 descriptors=[{}]\n') });
  t.equal(leaks.without(program(`${begin}${surplus}${table}`)), undefined, 'a crash is no leak');
  leaks.add({ name: 'leak-descriptors-a', program: parseProgram('r2 = message descriptors=[{}]\n') });
  leaks.add({ name: 'leak-descriptors-b', program: parseProgram(fetches) });
  t.equal(leaks.without(program(`${begin}${table}`)), undefined, 'so many descriptors as the request takes');
  const less = leaks.without(program(`${begin}${surplus}${table}${fetches}`));
  t.equal(less?.bucket, 'leak-descriptors-a');
  const { calls = [] } = less?.program ?? {};
  t.strictSame(
    calls.flatMap((call) => (call.kind === 'message' ? [[call.request, call.descriptors.length]] : [])),
    [
      [13, 1],
      [5, 1],
    ],
  );
  t.equal(leaks.without(program(`${begin}${table}${fetches}`))?.bucket, 'leak-descriptors-b');
  t.end();
});

t.test('a campaign goes on from its directory, with what it had reached, and ignores what is no program', (t) => {
  inDirectory((directory) => {
    const first = campaign(directory, 3, 6).last;
    writeFileSync(join(directory, 'corpus', 'torn.pb'), Uint8Array.of(8, 1, 26, 200));
    writeFileSync(join(directory, 'corpus', 'half.pb.77.tmp'), 'x');
    const second = campaign(directory, 3, 20).last;
    t.ok((second?.runs ?? 0) > 19);
    t.ok((second?.corpus ?? 0) >= (first?.corpus ?? 1));
    t.ok((second?.signals ?? 0) >= (first?.signals ?? 1) - 5);
    t.ok((second?.elapsedMs ?? 0) > (first?.elapsedMs ?? 0));
    const state = join(directory, 'instances', 'alone', 'campaign.json');
    t.ok(existsSync(state));
    writeFileSync(state, '{ torn');
    t.equal(campaign(directory, 3, 4).ended, undefined, 'a state that cannot be read begins anew');
  });
  t.end();
});

t.test('campaigns that share a directory take what the others found, and none replaces it', (t) => {
  inDirectory((directory) => {
    const bucket = (name: string, text: string): Bucket => ({
      name,
      program: parseProgram(text),
      before: [],
      finding: { kind: 'hang', place: 0, why: 'nothing came' },
      shown: 3,
      runs: 3,
      isMinimal: true,
      afterRuns: 1,
    });
    const store = (): BucketStore => new BucketStore(join(directory, 'buckets'), (path) => path);
    const [one, other] = [store(), store()];
    t.ok(one.add(bucket('hang-kick', 'r1 = kick\n'), { afterMs: 5, inC: 'int main;' }));
    t.notOk(other.add(bucket('hang-kick', 'r1 = stop\n'), { afterMs: 6 }), 'it was there');
    t.equal(other.known.get('hang-kick')?.program.calls[0]?.kind, 'kick');
    t.ok(other.add(bucket('hang-stop', 'r1 = stop\n'), { afterMs: 7 }));
    t.strictSame(
      one.load().map(({ name }) => name),
      ['hang-stop'],
    );
    t.strictSame(one.load(), []);
    // One that was being written when its process was killed, and one of another machine.
    for (const name of [`.hang-wait.${machine}.4194305.tmp`, '.hang-wait.elsewhere.1.tmp']) {
      mkdirSync(join(directory, 'buckets', name));
    }
    t.strictSame([...store().known.keys()], ['hang-kick', 'hang-stop']);
    t.strictSame(readdirSync(join(directory, 'buckets')).sort(), [
      '.hang-wait.elsewhere.1.tmp',
      'hang-kick',
      'hang-stop',
    ]);
    const [left, right] = [new Corpus(join(directory, 'corpus')), new Corpus(join(directory, 'corpus'))];
    t.ok(left.add(parseProgram('r1 = kick\n')));
    t.ok(right.add(parseProgram('r1 = kick\n')), 'the same file');
    t.ok(right.add(parseProgram('r1 = stop\n')));
    t.equal(left.load().length, 1);
    t.equal(readdirSync(join(directory, 'corpus')).length, 2);
  });
  t.end();
});

t.test('an instance belongs to one command, and to the next behind its end', (t) => {
  inDirectory((directory) => {
    const names = claimInstances(directory, 2);
    t.strictSame(names, [`${machine}-0`, `${machine}-1`]);
    t.strictSame(claimInstances(directory, 1), [`${machine}-2`], 'those of a living process are taken');
    releaseInstances(directory, names.slice(0, 1));
    t.strictSame(claimInstances(directory, 1), [`${machine}-0`]);
    writeFileSync(join(instanceDirectory(directory, `${machine}-1`), 'owner'), `${process.pid} 1`);
    t.strictSame(claimInstances(directory, 1), [`${machine}-1`], 'the process of its owner is another one now');
  });
  t.end();
});

t.test('the history of a campaign has few moments however long it runs', (t) => {
  let history: readonly Moment[] = [];
  for (let elapsedMs = 0; elapsedMs < 4 * 3_600_000; elapsedMs += 2000) {
    history = withMoment(history, { elapsedMs, runs: elapsedMs, signals: 1, corpus: 1 });
  }
  t.ok(history.length <= 400 && history.length > 100, `${history.length}`);
  t.equal(history[0]?.elapsedMs, 0);
  t.ok((history.at(-1)?.elapsedMs ?? 0) > 3.9 * 3_600_000);
  t.end();
});

t.test('a cell is a call that was made, in a state', (t) => {
  const signal = (call: string, outcome: OutcomeClass, state: number): number =>
    (cellCalls.indexOf(call) * 16 + outcomeNumber[outcome]) * cellStates.length + state;
  const cell = cellOf(signal('kick', 'sent', 7)) ?? -1;
  t.equal(cellCalls[Math.floor(cell / cellStates.length)], 'kick');
  t.equal(cellStates[cell % cellStates.length], 'negotiated, no memory, no ring, tainted');
  t.equal(cellOf(signal('VHOST_USER_SET_OWNER', 'fenced', 0)), cellCalls.indexOf('VHOST_USER_SET_OWNER') * 24);
  t.equal(cellOf(signal('kick', 'skipped', 7)), undefined);
  t.equal(cellOf(1 << 24), undefined);
  t.end();
});

t.test('a guard holds the calls and arguments that decide', (t) => {
  const guard = new Guard(resolved(parseProgram('r1 = message request=8 fields=[{name=index value=0x100}]')));
  const place = (text: string) => guard.placeIn(resolved(parseProgram(text)));
  const begin = 'r1 = connect\nr2 = negotiate\n';
  t.equal(place(`${begin}r3 = message request=8 fields=[{name=index value=0x100} {name=num value=0x1}]`), 2);
  t.equal(place(`${begin}r3 = message request=9 fields=[{name=index value=0x100}]`), undefined);
  t.equal(place(`${begin}r3 = message request=8 fields=[{name=num value=0x100}]`), undefined);
  t.equal(place(begin), undefined);
  t.end();
});

t.test('signals are new once, and never where they are masked', (t) => {
  const signals = new SignalMap();
  t.strictSame(signals.newIn(new Set([1, 2])), [1, 2]);
  signals.add([1]);
  signals.mask([2]);
  t.strictSame(signals.newIn(new Set([1, 2, 3])), [3]);
  t.equal(signals.size, 1);
  t.end();
});
