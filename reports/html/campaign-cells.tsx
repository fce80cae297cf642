import type { JSX } from 'preact';
import type { CampaignRecord } from '../record/campaign-record.ts';
import { ForeignText } from './foreign-text.tsx';

interface Row {
  readonly call: string;
  /** By state, whether the call was made in it. */
  readonly made: readonly boolean[];
}

/** The cells of call and state that a campaign never reached. */
export function CampaignCells({ campaign }: { readonly campaign: CampaignRecord }): JSX.Element | null {
  const rows = rowsOf(campaign);
  const total = rows.length * campaign.states.length;
  if (total === 0) return null;
  const reached = rows.reduce((sum, { made }) => sum + made.filter(Boolean).length, 0);
  const never = rows.filter(({ made }) => !made.includes(true));
  return (
    <details class="cells">
      <summary>
        Never reached: {total - reached} of {total} cells of call and state{' '}
        <span class="muted">
          {never.length === 0 ? '' : `${never.length} ${never.length === 1 ? 'call was' : 'calls were'} never made`}
        </span>
      </summary>
      {never.length === 0 ? null : (
        <p>
          Never made:{' '}
          {never.map(({ call }) => (
            <code key={call}>
              <ForeignText text={call} />{' '}
            </code>
          ))}
        </p>
      )}
      <p class="hint">
        A filled square is a state in which the call was made. Not every state can be had: a ring without memory, say,
        needs a back-end that starts one.
      </p>
      <div class="scroll">
        <table>
          <thead>
            {headRows(campaign.states).map((row, level) => (
              <tr key={level}>
                <th scope="col">{level === 0 ? 'call' : ''}</th>
                {row.map(({ text, span }, at) => (
                  <th key={at} scope="colgroup" colSpan={span}>
                    <ForeignText text={text} />
                  </th>
                ))}
              </tr>
            ))}
          </thead>
          <tbody>
            {rows
              .filter(({ made }) => made.includes(true))
              .map(({ call, made }) => (
                <tr key={call}>
                  <th scope="row">
                    <ForeignText text={call} />
                  </th>
                  {made.map((isMade, state) => (
                    <td key={state} title={campaign.states[state]}>
                      {isMade ? '■' : '·'}
                    </td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function rowsOf({ calls, states, reached }: CampaignRecord): Row[] {
  const known = new Set(reached);
  return calls.flatMap((call, number) =>
    call === null ? [] : [{ call, made: states.map((_, state) => known.has(number * states.length + state)) }],
  );
}

interface HeadCell {
  readonly text: string;
  readonly span: number;
}

/** A row for each part of the names of states; neighbours that agree up to a part share its head. */
function headRows(states: readonly string[]): HeadCell[][] {
  const parts = states.map((state) => state.split(', '));
  const depth = Math.max(...parts.map(({ length }) => length));
  return Array.from({ length: depth }, (_, level) => {
    const row: { text: string; span: number; prefix: string }[] = [];
    for (const words of parts) {
      const prefix = words.slice(0, level + 1).join(', ');
      const last = row.at(-1);
      if (last?.prefix === prefix) last.span++;
      else row.push({ text: words[level] ?? '', span: 1, prefix });
    }
    return row;
  });
}
