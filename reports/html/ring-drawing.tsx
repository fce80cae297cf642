import { deflateRawSync } from 'node:zlib';
import type { JSX } from 'preact';
import { type RingArea, type RingRow, ringAreas } from '../rings/ring-row.ts';
import { type MemoryChange, type RingHistory, ringAt } from '../rings/ring-steps.ts';
import { hex } from './message-title.ts';

const areaTitles: Readonly<Record<RingArea, string>> = {
  descriptor: 'descriptor area',
  indirect: 'indirect tables, by slot and entry',
  driver: 'driver area',
  device: 'device area, as the driver saw it',
};

/** Rows of an area that stand in the page without its script; the script has them all. */
const mostRows = 24;

/** The rings of a trace as they were at an event, and step by step with the script of the page. */
export function Rings({
  rings,
  changes,
  at,
}: {
  readonly rings: readonly RingHistory[];
  readonly changes: readonly MemoryChange[];
  readonly at: number;
}): JSX.Element | null {
  if (rings.length === 0 && changes.length === 0) return null;
  return (
    <details class="rings">
      <summary>
        Rings <span class="muted">as they were at the event that failed; each write can be stepped through</span>
      </summary>
      <p class="muted">
        What the driver stored is drawn store by store, what the device wrote where the driver read it. What a case
        stored past its ring (as bytes, from a thread, or into the device area) is not drawn.
      </p>
      {rings.map((ring) => (
        <Ring key={`${ring.connection} ${ring.index}`} ring={ring} at={at} />
      ))}
      <ChangedMemory changes={changes} />
    </details>
  );
}

/** Most rings have no indirect table. */
function areasOf({ steps }: RingHistory): RingArea[] {
  const hasTables = steps.some(({ rows }) => rows.some(({ area }) => area === 'indirect'));
  return ringAreas.filter((area) => area !== 'indirect' || hasTables);
}

const mostChanges = 16;
const shownBytes = 64;

/** Bytes of the guest's memory that a check found to differ, as they were then. */
function ChangedMemory({ changes }: { readonly changes: readonly MemoryChange[] }): JSX.Element | null {
  if (changes.length === 0) return null;
  return (
    <div class="changed">
      <h5>memory that changed</h5>
      <ul>
        {changes.slice(0, mostChanges).map(({ seq, region, offset, length, bytes }) => (
          <li key={seq}>
            event {seq}: {length} bytes at offset 0x{offset.toString(16)} of region {region}
            <code>
              {hex(bytes.subarray(0, shownBytes))}
              {length > shownBytes ? ' …' : ''}
            </code>
          </li>
        ))}
      </ul>
      {changes.length > mostChanges ? <p class="muted">{changes.length - mostChanges} more runs of bytes</p> : null}
    </div>
  );
}

function Ring({ ring, at }: { readonly ring: RingHistory; readonly at: number }): JSX.Element {
  const rows = [...ringAt(ring, at).values()];
  const now = ring.steps.findLastIndex(({ seq }) => seq <= at);
  const step = ring.steps[now];
  return (
    <div class="ring" data-deflated={compressed(ring)} data-at={now}>
      <h5>
        ring {ring.index}, {ring.layout}
        {ring.connection > 1 ? `, connection ${ring.connection}` : ''} <span class="muted">{ring.origin}</span>
      </h5>
      <p class="step">
        {step === undefined
          ? 'before its first write'
          : `event ${step.seq}, write ${now + 1} of ${ring.steps.length}: ${step.title}`}
      </p>
      <p class="status muted">{step?.status}</p>
      <div class="areas">
        {areasOf(ring).map((area) => (
          <Area key={area} area={area} rows={rows.filter((row) => row.area === area)} />
        ))}
      </div>
    </div>
  );
}

function Area({ area, rows }: { readonly area: RingArea; readonly rows: readonly RingRow[] }): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so by keyboard as well
    // biome-ignore lint/a11y/useSemanticElements: it is no group of controls
    <div class="scroll" role="group" aria-label={areaTitles[area]} tabIndex={0}>
      <table data-area={area}>
        <caption>{areaTitles[area]}</caption>
        <tbody>
          {rows.slice(0, mostRows).map(({ place, text, owner }) => (
            <tr key={place} class={owner === '' ? undefined : `of-${owner}`}>
              <th scope="row">{place}</th>
              <td>{text}</td>
              <td>{owner === '' ? '' : `the ${owner}’s`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** As the script of the page reads it: for each step its event, its words, its indices and the places that changed. */
function compressed({ steps }: RingHistory): string {
  const told = steps.map(({ seq, title, status, rows }) => [
    seq,
    title,
    status,
    rows.map(({ area, place, text, owner }) => [area, place, text, owner]),
  ]);
  return deflateRawSync(JSON.stringify(told), { level: 9 }).toString('base64');
}
