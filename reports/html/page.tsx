import type { JSX } from 'preact';
import type { CampaignRecord } from '../record/campaign-record.ts';
import { CampaignSection } from './campaign-section.tsx';
import { FeatureMatrix } from './feature-matrix.tsx';
import { FilterBar } from './filter-bar.tsx';
import { Findings, type TraceSource } from './finding-article.tsx';
import { PageHeader } from './page-header.tsx';
import type { ReportView } from './report-view.ts';
import { RequirementList } from './requirement-list.tsx';
import { TargetSection } from './target-cards.tsx';
import { UnjudgedList } from './unjudged-list.tsx';
import { UntestedList } from './untested-list.tsx';

interface PageProps {
  readonly view: ReportView;
  readonly traces: TraceSource;
  readonly campaigns: readonly CampaignRecord[];
}

/** The order of the page: what was found, the matrix, the targets where they are many, the requirements, the findings, what fuzzing found, what was judged neither way, and what no case tests. */
export function Page({ view, traces, campaigns }: PageProps): JSX.Element {
  return (
    <>
      <a class="skip" href="#matrix">
        Skip to the matrix
      </a>
      <PageHeader view={view} />
      <FilterBar view={view} hasCampaigns={campaigns.length > 0} />
      <main>
        <p id="filter-none" hidden>
          <span /> <button type="button">show all</button>
        </p>
        <FeatureMatrix view={view} />
        <TargetSection view={view} />
        <RequirementList view={view} />
        <Findings view={view} traces={traces} />
        <CampaignSection campaigns={campaigns} />
        <UnjudgedList view={view} />
        <UntestedList catalogue={view.run.catalogue} />
      </main>
    </>
  );
}
