import type { JSX } from 'preact';
import type { CoveredCatalogue } from '../covered-catalogue.ts';
import type { SnapshotRequirement, SnapshotSource } from '../record/catalogue-snapshot.ts';
import { requirementPlaces } from '../requirement-places.ts';
import { countOf } from './finding-index.tsx';
import { requirementAnchor } from './report-view.ts';
import { Level, Unwitnessed } from './requirement-provenance.tsx';
import { TextChangesList } from './text-changes-list.tsx';
import { TextPlaces } from './text-places.tsx';
import { UntestedList } from './untested-list.tsx';

/** What of the texts is tested: every rule with its cases and their faults, or why it has none. */
export function CoveragePage({ covered }: { readonly covered: CoveredCatalogue }): JSX.Element {
  const { catalogue, areas } = covered;
  return (
    <>
      <a class="skip" href="#areas">
        Skip to the rules
      </a>
      <header class="top">
        <p class="wordmark">
          vhost-conformance <span>coverage of the texts</span>
        </p>
        <h1>{headline(covered)}</h1>
        <p class="lead">{lead(covered)}</p>
      </header>
      <div class="bar">
        <nav aria-label="Parts of this page">
          <a href="#texts">Texts</a>
          <a href="#changes">Changes</a>
          <a href="#untested">Without a case</a>
          <a href="#areas">All rules</a>
        </nav>
        <button type="button" id="theme" aria-label="Colours: auto, as the system">
          auto
        </button>
      </div>
      <main>
        <Texts sources={catalogue.sources ?? []} />
        <TextChangesList catalogue={catalogue} />
        <UntestedList catalogue={catalogue} />
        <section id="areas" aria-labelledby="areas-title">
          <h2 id="areas-title">All rules</h2>
          <p class="hint">
            In our words, by area of the specifications. Behind each case stand the faults of our reference that it must
            catch.
          </p>
          {areas.map(({ area, rules }) => (
            <details class="area" key={area}>
              <summary>
                <h3>{area}</h3>
                <span class="counts muted">
                  {rules.filter(({ id }) => covered.casesOf(id).length > 0).length} of {rules.length} with a case
                </span>
              </summary>
              <ul class="rules">
                {rules.map((rule) => (
                  <Rule key={rule.id} covered={covered} rule={rule} />
                ))}
              </ul>
            </details>
          ))}
        </section>
      </main>
    </>
  );
}

function headline({ catalogue, casesOf }: CoveredCatalogue): string {
  const { requirements } = catalogue;
  return `${requirements.filter(({ id }) => casesOf(id).length > 0).length} of ${countOf(requirements.length, 'rule')} have a case`;
}

function lead({ catalogue, faults }: CoveredCatalogue): string {
  const unwitnessed = catalogue.requirements.filter((rule) => rule.unwitnessed === true).length;
  return (
    `${countOf(catalogue.cases.length, 'case')} prove themselves on ${countOf(faults, 'fault')} of the reference. ` +
    `${countOf(unwitnessed, 'rule')} with cases ${unwitnessed === 1 ? 'was' : 'were'} passed by no independent implementation yet.`
  );
}

function Texts({ sources }: { readonly sources: readonly SnapshotSource[] }): JSX.Element {
  return (
    <section id="texts" aria-labelledby="texts-title">
      <h2 id="texts-title">Texts</h2>
      <p class="hint">
        A page that nobody opened is unverified. Where the sources of a version were read, number, heading and line of
        each clause were found there.
      </p>
      <dl class="texts">
        {sources.map(({ name, title, date, address, opened, source, read }) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              {typeof address === 'string' ? <a href={address}>{title}</a> : title}
              {typeof date === 'string' ? `, ${date}` : ''}
              <span class="muted">
                {typeof address === 'string'
                  ? ` · ${typeof opened === 'string' ? `opened ${opened}` : 'unverified'}`
                  : ''}
                {typeof source === 'string' ? ` · clauses read ${read} in ${source}` : ' · clauses not looked up'}
              </span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Rule({
  covered,
  rule,
}: {
  readonly covered: CoveredCatalogue;
  readonly rule: SnapshotRequirement;
}): JSX.Element {
  const cases = covered.casesOf(rule.id);
  const { clause, binds, features } = rule;
  return (
    <li id={requirementAnchor(rule.id)} tabIndex={-1}>
      <p>
        <Level requirement={rule} /> {rule.text}
      </p>
      <p class="origin">
        <code>{rule.id}</code> · binds the {binds} · {clause}
        {features.length === 0 ? '' : ` · hangs on ${features.join(', ')}`}
      </p>
      <TextPlaces places={requirementPlaces(covered.catalogue, rule).reverse()} />
      {cases.length === 0 ? <p class="why">No case: {rule.untested ?? 'no reason given'}</p> : null}
      <ul class="cases">
        {cases.map(({ id, faults }) => (
          <li key={id}>
            <code>{id}</code> <span class="muted">must catch {faults.join(', ')}</span>
          </li>
        ))}
      </ul>
      <Unwitnessed requirement={rule} />
    </li>
  );
}
