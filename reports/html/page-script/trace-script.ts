/** What the page holds deflated and shows where it is asked for: whole traces, and fields of messages and calls. */

interface DeflatedTrace {
  readonly failing: number;
  readonly dropped: number;
  readonly seqs: readonly number[];
  readonly times: readonly number[];
  readonly texts: readonly number[];
}

async function inflated<Value>(data: string): Promise<Value> {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return await new Response(stream).json();
}

/** Texts that parts of the page share, inflated once. */
function sharedTexts(id: string): () => Promise<readonly string[]> {
  let texts: Promise<readonly string[]> | undefined;
  return () => {
    texts ??= inflated(document.getElementById(id)?.dataset['texts'] ?? '');
    return texts;
  };
}

const lineTexts = sharedTexts('trace-texts');
const fieldTexts = sharedTexts('fields');

/** The lines before the event at which the check failed, its own, and those behind it. */
function linesOf(trace: DeflatedTrace, texts: readonly string[]): readonly [string, string, string] {
  const parts: [string[], string[], string[]] = [[], [], []];
  let [seq, time, next] = [0, 0, 0];
  let part = 0;
  for (const [at, text] of trace.texts.entries()) {
    seq += trace.seqs[at] ?? 0;
    time += trace.times[at] ?? 0;
    if (seq > next) parts[part]?.push(`       … ${seq - next} events were not recorded`);
    next = seq + 1;
    const failed = seq === trace.failing ? ' <== a check failed here' : '';
    const line = `${String(seq).padStart(6)} ${(time / 1000).toFixed(3).padStart(11)} ms ${texts[text] ?? ''}${failed}`;
    parts[failed === '' ? part : 1]?.push(line);
    if (failed !== '') part = 2;
  }
  const { dropped } = trace;
  if (dropped > 0) {
    parts[part]?.push('', `${dropped} of ${trace.texts.length + dropped} events were not recorded.`);
  }
  const [before, own, after] = parts;
  return [before.map((line) => `${line}\n`).join(''), own.join(), after.map((line) => `\n${line}`).join('')];
}

async function showWhole(button: HTMLButtonElement): Promise<void> {
  const [trace, texts] = await Promise.all([inflated<DeflatedTrace>(button.dataset['deflated'] ?? ''), lineTexts()]);
  const lines = document.createElement('pre');
  lines.tabIndex = 0;
  lines.setAttribute('role', 'group');
  lines.setAttribute('aria-label', 'all events');
  const [before, failing, after] = linesOf(trace, texts);
  const mark = document.createElement('mark');
  mark.textContent = failing;
  lines.append(before, mark, after);
  button.replaceWith(lines);
  lines.focus({ preventScroll: true });
  lines.scrollTop = mark.offsetTop - lines.offsetTop - lines.clientHeight / 2;
}

for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-deflated]')) {
  button.addEventListener('click', () => void showWhole(button));
}

async function showFields(details: HTMLDetailsElement): Promise<void> {
  const place = Number(details.dataset['fields']);
  delete details.dataset['fields'];
  // As the page was made: what is foreign in it is escaped already.
  details.insertAdjacentHTML('beforeend', (await fieldTexts())[place] ?? '');
}

// Of each sequence that is opened there may be many, so one listener has them all. A toggle does not bubble.
document.addEventListener(
  'toggle',
  ({ target }) => {
    if (target instanceof HTMLDetailsElement && target.open && target.dataset['fields'] !== undefined) {
      void showFields(target);
    }
  },
  { capture: true },
);
