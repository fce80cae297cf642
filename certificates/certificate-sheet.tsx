import type { JSX } from 'preact';
import { ForeignText } from '../reports/html/foreign-text.tsx';
import type { Exclusion } from './claim.ts';
import { refusals, type Scope } from './decision.ts';
import type { Environment } from './environment.ts';
import { groundsOf } from './grounds.ts';
import type { RequirementState, StatedRequirement } from './requirement-state.ts';
import type { Verification } from './verification.ts';

/** Rows of a table beyond these are counted: it is one page. */
const mostRows = 2;
const mostProblems = 4;

/** The one page about a bundle. */
export function CertificateSheet({ of }: { readonly of: Verification }): JSX.Element {
  const { device, applicant } = of.claim;
  const { predicate } = of.bundle.statement;
  return (
    <main class="sheet">
      <header>
        <p class="wordmark">
          vhost-conformance <span>certificate of conformance</span>
        </p>
        <h1>
          <ForeignText text={`${device.vendor} ${device.name}`} />
        </h1>
        <Standing of={of} />
      </header>
      <section>
        <h2>Device</h2>
        <dl>
          <dt>type</dt>
          <dd>{device.type}</dd>
          <Versions name="versions" versions={device.versions} />
          <Versions name="firmware" versions={device.firmware} />
          <dt>PCI ids</dt>
          <dd>{device.pciIds.join(', ') || 'none'}</dd>
          <dt>submitted by</dt>
          <dd>
            <ForeignText text={applicant.organisation} />
          </dd>
          <dt>issued</dt>
          <dd>
            {predicate.issuedAt.slice(0, 10)}, valid until {predicate.validUntil}; submission {predicate.attempt}
            {refused(of)}
          </dd>
        </dl>
      </section>
      <Scopes of={of} />
      <Exclusions of={of} />
      <Waivers of={of} />
      <Evidence of={of} />
      <Foot of={of} />
    </main>
  );
}

/** Whether it stands, and on whose word. */
function Standing({ of }: { readonly of: Verification }): JSX.Element {
  const { problems, bundle } = of;
  if (problems.length > 0) {
    return (
      <div class="standing none">
        <p>This is no certificate.</p>
        {problems.slice(0, mostProblems).map((problem) => (
          <p key={problem}>
            <ForeignText text={problem} />
          </p>
        ))}
        {problems.length > mostProblems ? <p>and {problems.length - mostProblems} more</p> : null}
      </div>
    );
  }
  if (bundle.laboratory === undefined) {
    return <p class="standing self">Self-declared: signed by the vendor; no laboratory has countersigned it.</p>;
  }
  return <p class="standing">Signed by the vendor, and countersigned by a laboratory.</p>;
}

function Versions(props: { readonly name: string; readonly versions: Readonly<Record<string, string>> }): JSX.Element {
  const all = Object.entries(props.versions).map(([part, version]) => `${part} ${version}`);
  return (
    <>
      <dt>{props.name}</dt>
      <dd>
        <ForeignText text={all.join(', ') || 'none'} />
      </dd>
    </>
  );
}

function refused({ attempts }: Verification): string {
  const before = attempts.filter(({ result }) => result === 'refused').length;
  return before === 0 ? '' : `, ${before} of them refused`;
}

function Scopes({ of }: { readonly of: Verification }): JSX.Element {
  const { decision, profiles } = of;
  return (
    <section>
      <h2>Scope</h2>
      <table>
        <thead>
          <tr>
            <th>profile</th>
            <th>over</th>
            <th>passed</th>
            <th>not passed</th>
          </tr>
        </thead>
        <tbody>
          {decision.scopes.map((scope) => (
            <tr key={`${scope.profile} ${scope.target}`}>
              <td>{scope.profile}</td>
              <td>
                {scope.transport} (<ForeignText text={scope.target} />)
              </td>
              <td class="count">
                {scope.passed} of {scope.of}
              </td>
              <td>{restOf(scope)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <dl>
        <dt>texts</dt>
        <dd>{[...new Set(profiles.flatMap(({ texts }) => texts))].join(', ')}</dd>
        <dt>bits claimed</dt>
        <dd>
          {of.claim.transports.map(({ target, features }) => (
            <p key={target}>
              {of.claim.transports.length > 1 ? `${target}: ` : ''}
              {features.map((name) => name.replace(/^(VIRTIO|VHOST)_/, '')).join(', ')}
            </p>
          ))}
        </dd>
      </dl>
    </section>
  );
}

const stateWords: Readonly<Record<RequirementState, string>> = {
  passed: 'passed',
  failed: 'failed',
  undecided: 'not decided',
  'not-shown': 'not shown',
  unclaimed: 'on bits that are not claimed or not offered',
  excluded: 'excluded',
  waived: 'waived',
};

function restOf(scope: Scope): string {
  const count = (state: RequirementState): number => scope.others.filter((one) => one.state === state).length;
  const states: readonly RequirementState[] = ['failed', 'undecided', 'not-shown', 'waived', 'excluded', 'unclaimed'];
  const told = states.filter((state) => count(state) > 0).map((state) => `${count(state)} ${stateWords[state]}`);
  return told.join(', ') || 'none';
}

const excludedName = ({ feature, requirement }: Exclusion): string => feature ?? requirement ?? '';

function Exclusions({ of }: { readonly of: Verification }): JSX.Element {
  const { exclusions } = of.claim;
  const rows = exclusions.map((one) => [excludedName(one), one.transport ?? 'all transports', one.reason] as const);
  return <Rows title="Excluded by the vendor" rows={rows} />;
}

/** Those that were needed, and those that were not. */
function Waivers({ of }: { readonly of: Verification }): JSX.Element {
  const waived = new Set(
    of.decision.scopes.flatMap(({ others }) => others.filter(isWaived).map(({ requirement }) => requirement)),
  );
  const rows = of.claim.waivers.map(({ requirement, approvedBy, expires, reason, link }) => {
    const use = waived.has(requirement) ? 'fails' : 'did not fail';
    return [requirement, `${use}; approved by ${approvedBy} until ${expires}`, `${reason} (${link})`] as const;
  });
  return <Rows title="Waived: these requirements are not met" rows={rows} />;
}

const isWaived = ({ state }: StatedRequirement): boolean => state === 'waived';

type Row = readonly [string, string, string];

function Rows({ title, rows }: { readonly title: string; readonly rows: readonly Row[] }): JSX.Element {
  return (
    <section>
      <h2>{title}</h2>
      {rows.length === 0 ? <p class="muted">none</p> : null}
      <table>
        <tbody>
          {rows.slice(0, mostRows).map((row) => (
            <tr key={row[0]}>
              {row.map((text) => (
                <td key={text}>
                  <ForeignText text={text.length > 110 ? `${text.slice(0, 109)}…` : text} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > mostRows ? <p>and {rows.length - mostRows} more, in the claim</p> : null}
    </section>
  );
}

/** On what the verdicts rest. */
function Evidence({ of }: { readonly of: Verification }): JSX.Element {
  const { again, decision, run, environment } = of;
  const repetitions = new Set(run.plan.results.map(({ repetition }) => repetition)).size;
  const { byTrace, byWord } = groundsOf(of);
  const refusing = decision.scopes.flatMap(refusals).length;
  return (
    <section>
      <h2>Evidence</h2>
      <dl>
        <dt>results</dt>
        <dd>
          {run.results.length} of {run.plan.results.length} planned, each run {repetitions} times
          {refusing === 0 ? '' : `; ${refusing} requirements refuse the certificate`}
        </dd>
        <dt>judged again</dt>
        <dd>
          {again === undefined
            ? 'nothing: there is no need'
            : `${again.wholeTraces} whole traces of ${again.passes} passes. Of the requirements that passed, ${byTrace} are shown by traces alone; ${byWord} rest on the word of the runner that signed.`}
        </dd>
        <dt>found outside the scope</dt>
        <dd>{decision.foundOutside.length === 0 ? 'nothing' : countOf(decision.foundOutside.length, 'requirement')}</dd>
        <dt>judged on</dt>
        <dd>
          <ForeignText
            text={`${kernelText(environment)}, ${environment.machine.cpu}, Node ${environment.node}, seed ${environment.seed}`}
          />
        </dd>
      </dl>
    </section>
  );
}

function kernelText({ kernel, guest }: Environment): string {
  const release = `Linux ${kernel.release}`;
  if (guest === undefined) return release;
  return `${release} in a guest (${guest.emulator}, ${guest.acceleration}) on Linux ${guest.hostKernel}`;
}

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function Foot({ of }: { readonly of: Verification }): JSX.Element {
  const { bundle } = of;
  const { suite } = bundle.statement.predicate;
  return (
    <footer class="foot">
      <p>
        {suite.name} {suite.version}, catalogue {suite.catalogueHash.slice(0, 16)}. Vendor's key{' '}
        {bundle.vendor.slice(0, 16)}
        {bundle.laboratory === undefined ? '' : `, laboratory's key ${bundle.laboratory.slice(0, 16)}`}
        {bundle.otherSignatures === 0
          ? ''
          : `, ${bundle.otherSignatures} signatures of unknown keys, which do not count`}
        .
      </p>
      <p>
        It says that this device, with these versions, kept the listed requirements in these runs. Other firmware,
        another kernel, another suite or another claim asks for a new submission. It says nothing of robustness, of
        requirements that no independent implementation has met, and of what the newest texts alone demand.
      </p>
    </footer>
  );
}
