import { Argument, type Command } from 'commander';
import type { ListedRow } from './listed-row.ts';
import { print } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface ListOptions {
  readonly json: boolean;
  readonly from?: string;
  readonly to?: string;
}

/** What can be listed. Each loads what it reads: a list of targets needs no case. */
const listings = {
  cases: async () => (await import('./listed-cases.ts')).listedCases(),
  requirements: async () => (await import('./listed-cases.ts')).listedRequirements(),
  features: async () => (await import('./listed-cases.ts')).listedFeatures(),
  targets: async () => (await import('./listed-targets.ts')).listedTargets(),
  texts: async () => (await import('./listed-texts.ts')).listedTexts(),
  changes: async ({ from, to }) => (await import('./listed-changes.ts')).listedChanges(from, to),
} satisfies Readonly<Record<string, (options: ListOptions) => Promise<ListedRow[]>>>;
type Subject = keyof typeof listings;

export function addListCommand(command: Command): void {
  command
    .addArgument(new Argument('<what>').choices(Object.keys(listings)))
    .option('--json', 'print one array of JSON', false)
    .option('--from <version>', 'of changes: the older version of a text')
    .option('--to <version>', 'of changes: the newer version of that text')
    .action(async (subject: Subject, options: ListOptions) => {
      const { json, from, to } = options;
      if (subject !== 'changes' && (from !== undefined || to !== undefined)) {
        throw new UsageError(`list ${subject} takes neither --from nor --to: they are for list changes`);
      }
      const rows = await listings[subject](options);
      if (json)
        process.stdout.write(
          `${JSON.stringify(
            rows.map(({ data }) => data),
            undefined,
            2,
          )}\n`,
        );
      else for (const { text } of rows) print(text);
    });
}
