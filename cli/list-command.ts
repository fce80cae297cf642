import { Argument, type Command } from 'commander';
import type { ListedRow } from './listed-row.ts';
import { print } from './terminal.ts';

/** What can be listed. Each loads what it reads: a list of targets needs no case. */
const listings = {
  cases: async () => (await import('./listed-cases.ts')).listedCases(),
  requirements: async () => (await import('./listed-cases.ts')).listedRequirements(),
  features: async () => (await import('./listed-cases.ts')).listedFeatures(),
  targets: async () => (await import('./listed-targets.ts')).listedTargets(),
  texts: async () => (await import('./listed-texts.ts')).listedTexts(),
} satisfies Readonly<Record<string, () => Promise<ListedRow[]>>>;
type Subject = keyof typeof listings;

export function addListCommand(command: Command): void {
  command
    .addArgument(new Argument('<what>').choices(Object.keys(listings)))
    .option('--json', 'print one array of JSON', false)
    .action(async (subject: Subject, { json }: { json: boolean }) => {
      const rows = await listings[subject]();
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
