import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../../../fuzz/campaign/atomic-file.ts';
import { instanceNames } from '../../../fuzz/campaign/instances.ts';
import { problemIn, type SliceResult, sliceResult } from '../../../fuzz/campaign/slice.ts';
import { inWords } from '../../../reference-impl/schema-words.ts';
import { UsageError } from '../../usage-error.ts';

/** Below the directory of a campaign: what it is, and the results of its slices. */
const queueDirectory = 'queue';
const campaignFile = 'campaign.json';
const resultName = /^slice-(\d+)\.json$/;

const settings = z.strictObject({
  schema: z.literal(1),
  campaign: z.string(),
  suite: z.string(),
  target: z.string(),
  seed: z.number(),
  sliceRuns: z.number(),
  hasSeeds: z.boolean(),
});
export type QueueSettings = Omit<z.infer<typeof settings>, 'schema' | 'campaign'>;

/** What a campaign over a queue has on disk: enough to go on, whatever becomes of the queue. */
export class SliceStore {
  readonly campaign: string;
  readonly #directory: string;
  readonly #results = new Map<number, SliceResult>();

  /** @throws UsageError where another campaign has the directory. */
  constructor(root: string, wanted: QueueSettings) {
    this.#directory = join(root, queueDirectory);
    const path = join(this.#directory, campaignFile);
    if (!existsSync(path)) {
      if (instanceNames(root).length > 0) throw new UsageError(`${root}: has a campaign that ran without a queue`);
      mkdirSync(this.#directory, { recursive: true });
      const made = { schema: 1, campaign: randomBytes(16).toString('hex'), ...wanted };
      writeAtomically(this.#directory, campaignFile, `${JSON.stringify(made)}\n`);
    }
    const { campaign, schema: _, ...had } = parsed(path, settings);
    for (const [name, value] of Object.entries(wanted)) {
      const before = had[name as keyof QueueSettings];
      if (before !== value)
        throw new UsageError(
          `${root}: its campaign has ${name} ${before}, not ${value}: say the same, or another --out`,
        );
    }
    this.campaign = campaign;
    for (const name of readdirSync(this.#directory)) {
      const number = resultName.exec(name)?.[1];
      if (number === undefined) continue;
      this.#results.set(Number(number), parsed(join(this.#directory, name), sliceResult));
    }
  }

  get(number: number): SliceResult | undefined {
    return this.#results.get(number);
  }

  /** In the order of their numbers. */
  get numbers(): number[] {
    return [...this.#results.keys()].sort((left, right) => left - right);
  }

  /** Keeps what a queue says of a slice, or says why that is no result of it. The first counts, however often it comes. */
  keep(number: number, said: unknown): string | undefined {
    if (this.#results.has(number)) return undefined;
    const read = sliceResult.safeParse(said, inWords);
    if (!read.success) return `what the queue has is no result: ${problemIn(read.error)}`;
    const result = read.data;
    if (result.campaign !== this.campaign || result.number !== number)
      return 'the queue has the result of another slice';
    writeAtomically(this.#directory, `slice-${number}.json`, `${JSON.stringify(result)}\n`);
    this.#results.set(number, result);
    return undefined;
  }
}

function parsed<Schema extends z.ZodType>(path: string, schema: Schema): z.infer<Schema> {
  try {
    const read = schema.safeParse(JSON.parse(readFileSync(path, 'utf8')), inWords);
    if (read.success) return read.data;
    throw new UsageError(`${path}: ${problemIn(read.error)}`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
