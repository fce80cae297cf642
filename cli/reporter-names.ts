import { InvalidArgumentError } from 'commander';
import { didYouMean } from '../drivers/near-matches.ts';

export const reporterNames = ['html', 'junit', 'ktap', 'tap', 'json', 'github'] as const;
export type ReporterName = (typeof reporterNames)[number];

/** `html,junit` as typed. @throws InvalidArgumentError for a name that is none. */
export function reportersOf(text: string): ReporterName[] {
  return text.split(',').map((name) => {
    const known = reporterNames.find((one) => one === name);
    if (known !== undefined) return known;
    throw new InvalidArgumentError(`${name} is not a reporter${didYouMean(name, reporterNames)}.`);
  });
}
