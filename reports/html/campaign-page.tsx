import type { JSX } from 'preact';
import type { CampaignRecord } from '../record/campaign-record.ts';
import { CampaignSection } from './campaign-section.tsx';
import { countWords } from './campaign-words.ts';

/** The page of campaigns without conformance results. */
export function CampaignPage({ campaigns }: { readonly campaigns: readonly CampaignRecord[] }): JSX.Element {
  return (
    <>
      <a class="skip" href="#fuzzing">
        Skip to the findings
      </a>
      <header class="top">
        <p class="wordmark">
          vhost-conformance <span>fuzz report</span>
        </p>
        <h1>{headline(campaigns)}</h1>
      </header>
      <main>
        <CampaignSection campaigns={campaigns} />
      </main>
    </>
  );
}

function headline(campaigns: readonly CampaignRecord[]): string {
  const buckets = campaigns.reduce((sum, campaign) => sum + campaign.buckets.length, 0);
  const on = countWords(new Set(campaigns.map(({ target }) => target)).size, 'target');
  return buckets === 0 ? `No buckets on ${on}` : `${countWords(buckets, 'bucket')} on ${on}`;
}
