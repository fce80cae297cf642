import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { keptBuckets, layOutBucket } from './bucket-store.ts';
import { readState } from './campaign-state.ts';
import { Corpus } from './corpus.ts';
import { instanceDirectory, untriagedDirectory } from './instances.ts';
import { mostPrograms, programOf, type Slice, type SliceResult, textOf } from './slice.ts';
import { Untriaged } from './untriaged.ts';

const corpusDirectory = 'corpus';
const bucketsDirectory = 'buckets';

/** Writes what a slice knows into an empty directory, so that a campaign goes on from there. */
export function layOut(directory: string, { corpus, buckets }: Slice): void {
  const known = new Corpus(join(directory, corpusDirectory));
  for (const program of corpus) known.add(programOf(program));
  mkdirSync(join(directory, bucketsDirectory), { recursive: true });
  for (const { name, program, isFinished } of buckets) {
    layOutBucket(join(directory, bucketsDirectory), { name, program: programOf(program), isFinished });
  }
}

/** What the campaign in such a directory added. @param deaths programs under which a host process died. */
export function resultIn(
  directory: string,
  instance: string,
  { campaign, number, corpus, buckets }: Slice,
  served: SliceResult['served'],
  deaths: readonly Uint8Array[],
): SliceResult {
  const given = new Set(corpus);
  const programs = new Map(buckets.map(({ name, program }) => [name, program]));
  const own = instanceDirectory(directory, instance);
  const { history: _, schema: __, starts: ___, ...state } = readState(own);
  return {
    schema: 1,
    campaign,
    number,
    served,
    state,
    corpus: new Corpus(join(directory, corpusDirectory))
      .load()
      .map(textOf)
      .filter((text) => !given.has(text))
      .slice(0, mostPrograms),
    buckets: keptBuckets(join(directory, bucketsDirectory))
      .map(({ name, program, before, told }) => ({ name, program: textOf(program), before: before.map(textOf), told }))
      .filter(({ name, program }) => programs.get(name) !== program),
    untriaged: new Untriaged(join(own, untriagedDirectory))
      .all()
      .map(({ name, program }) => ({ name, program: textOf(program) })),
    deaths: deaths.map((bytes) => Buffer.from(bytes).toString('base64')),
  };
}
