import type { CampaignRecord } from '../reports/record/campaign-record.ts';
import { RecordError } from '../reports/record/record-error.ts';
import { reasonOf } from '../reports/record/record-writer.ts';
import { runDirectory } from '../reports/record/run-directory.ts';
import { replaceRunFile } from '../reports/record/run-file.ts';

/** Writes the page of campaigns alone into a directory. Returns its path. @throws RecordError */
export async function writeCampaignReport(root: string, campaigns: readonly CampaignRecord[]): Promise<string> {
  const { campaignReport } = await import('../reports/reporters/html.ts');
  const { report } = runDirectory(root);
  const page = campaignReport(campaigns);
  try {
    replaceRunFile(report, page);
  } catch (cause) {
    throw new RecordError(report, `cannot be written (${reasonOf(cause)})`, { cause });
  }
  return report;
}
