import { z } from 'zod';
import { inWords, issueWords } from '../../reference-impl/schema-words.ts';
import { RecordError } from './record-error.ts';
import { reasonOf } from './record-writer.ts';
import { readRunFile, replaceRunFile } from './run-file.ts';

/** One requirement as it was when the run was made; docs/CATALOGUE.md has its fields. */
const snapshotRequirement = z.object({
  /** The permanent slug. */
  id: z.string(),
  origin: z.array(z.string()),
  area: z.string(),
  clause: z.string(),
  binds: z.string(),
  /** Null where no text says it; before 1.3 it stands there all the same. */
  level: z.string().nullable(),
  basis: z.string(),
  /** Since 1.3: the oldest version of a text that holds it, and the last that does (null: it stands). */
  since: z.string().optional(),
  until: z.string().nullable().optional(),
  /** Since 1.7: how older versions, from this one on, say it. */
  formerly: z.object({ since: z.string(), level: z.string(), basis: z.string() }).optional(),
  observable: z.string(),
  /** Names of the feature bits that it hangs on. */
  features: z.array(z.string()),
  /** Since 1.3: the type of device whose section says it; left out where it holds for any. */
  device: z.string().optional(),
  /** Transports over which a violation can be seen; any, where it is left out. */
  via: z.array(z.string()).optional(),
  text: z.string(),
  /** Why no case cites it, where none does. */
  untested: z.string().optional(),
  /** True where no independent implementation had passed its cases. */
  unwitnessed: z.boolean().optional(),
});
export type SnapshotRequirement = z.infer<typeof snapshotRequirement>;

/** A version of a text; those of one family from the oldest to the newest. */
const snapshotSource = z.object({
  name: z.string(),
  family: z.string(),
  title: z.string(),
  /** Day of publication; null where it has none. */
  date: z.string().nullable(),
  /** Since 1.6: where it is published, and the day on which somebody found it there. */
  address: z.string().nullable().optional(),
  opened: z.string().nullable().optional(),
  /** Since 1.7: what the clauses were read in, where that can be looked at, and the day on which they were. */
  source: z.string().nullable().optional(),
  sourceAddress: z.string().nullable().optional(),
  read: z.string().nullable().optional(),
});
export type SnapshotSource = z.infer<typeof snapshotSource>;

const snapshotFeature = z.object({
  name: z.string(),
  bit: z.number().int().nonnegative(),
  /** `common`, a device (`net`, `block`, …), or the protocol whose own bits these are (`vhost-user`). */
  device: z.string(),
  /** `vhost-backend`: a bit that kernel back-ends alone have. */
  kind: z.string().optional(),
  /** What it promises, in our words. */
  text: z.string().optional(),
  /** Since 1.3: requirements that show the bit at work where they pass in a session that took it. */
  witnesses: z.array(z.string()).optional(),
  /** Since 1.3, with no witness: why nothing shows it. */
  unseen: z.string().optional(),
  /** Since 1.7: no case ever could, which `unseen` gives the reason of. */
  isUntestable: z.boolean().optional(),
});
export type SnapshotFeature = z.infer<typeof snapshotFeature>;

const snapshotCase = z.object({
  id: z.string(),
  title: z.string(),
  /** Slugs of the requirements that the case cites. */
  proves: z.array(z.string()),
});

/** `catalogue.json` of a run directory: all that a report says about requirements, features and cases. */
export const catalogueSnapshot = z.object({
  schema: z.object({ major: z.literal(1), minor: z.number().int().nonnegative() }),
  /** As in the run record. */
  hash: z.string(),
  /** Since 1.3. */
  sources: z.array(snapshotSource).optional(),
  /**
   * Since 1.7: clause to the versions of its text that were read, each with number, anchor of the published page, file and
   * line of the source, and the heading where it is not the last of the clause.
   */
  clauses: z.record(z.string(), z.record(z.string(), z.array(z.string()).min(3))).optional(),
  requirements: z.array(snapshotRequirement),
  features: z.array(snapshotFeature),
  cases: z.array(snapshotCase),
});
export type CatalogueSnapshot = z.infer<typeof catalogueSnapshot>;

export function writeCatalogueSnapshot(path: string, snapshot: CatalogueSnapshot): void {
  try {
    replaceRunFile(path, `${JSON.stringify(snapshot)}\n`);
  } catch (cause) {
    throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
  }
}

/** @throws RecordError with one line where the file is missing or no catalogue of a known schema. */
export function readCatalogueSnapshot(path: string): CatalogueSnapshot {
  return readJson(path, catalogueSnapshot, 'catalogue');
}

export function readJson<T>(path: string, schema: z.ZodType<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(readRunFile(path).toString('utf8'));
  } catch (cause) {
    throw new RecordError(path, `cannot be read as a ${what} (${reasonOf(cause)})`, { cause });
  }
  const parsed = schema.safeParse(value, inWords);
  if (parsed.success) return parsed.data;
  throw new RecordError(path, `is no ${what} of this schema: ${issueWords(parsed.error.issues)}`);
}
