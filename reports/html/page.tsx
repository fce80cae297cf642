import type { JSX } from 'preact';
import { FeatureMatrix } from './feature-matrix.tsx';
import { FilterBar } from './filter-bar.tsx';
import { Findings, type TraceSource } from './finding-article.tsx';
import { PageHeader } from './page-header.tsx';
import type { ReportView } from './report-view.ts';
import { RequirementList } from './requirement-list.tsx';
import { UnjudgedList } from './unjudged-list.tsx';

/** The order of the page: what was found, the matrix, the requirements, the findings. */
export function Page({ view, traces }: { readonly view: ReportView; readonly traces: TraceSource }): JSX.Element {
  return (
    <>
      <a class="skip" href="#matrix">
        Skip to the matrix
      </a>
      <PageHeader view={view} />
      <FilterBar view={view} />
      <main>
        <FeatureMatrix view={view} />
        <RequirementList view={view} />
        <Findings view={view} traces={traces} />
        <UnjudgedList view={view} />
      </main>
    </>
  );
}
