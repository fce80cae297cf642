/** Rings that are stepped through: each write, with the rows that it changed. */

type Row = readonly [area: string, place: string, text: string, owner: string];
type Step = readonly [seq: number, title: string, status: string, rows: readonly Row[]];

async function stepsOf(ring: HTMLElement): Promise<readonly Step[]> {
  const bytes = Uint8Array.from(atob(ring.dataset['deflated'] ?? ''), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return await new Response(stream).json();
}

function line(row: Row, isFresh: boolean): HTMLTableRowElement {
  const [, place, text, owner] = row;
  const element = document.createElement('tr');
  if (owner !== '') element.classList.add(`of-${owner}`);
  if (isFresh) element.classList.add('fresh');
  const head = document.createElement('th');
  head.scope = 'row';
  head.textContent = place;
  const cells = [text, owner === '' ? '' : `the ${owner}’s`].map((words) => {
    const cell = document.createElement('td');
    cell.textContent = words;
    return cell;
  });
  element.append(head, ...cells);
  return element;
}

function draw(ring: HTMLElement, steps: readonly Step[], at: number): void {
  const rows = new Map<string, Row>();
  for (const [, , , changed] of steps.slice(0, at + 1)) {
    for (const row of changed) {
      // What has no text stands there no more.
      if (row[2] === '') rows.delete(`${row[0]} ${row[1]}`);
      else rows.set(`${row[0]} ${row[1]}`, row);
    }
  }
  const step = steps[at];
  const fresh = new Set((step?.[3] ?? []).map(([area, place]) => `${area} ${place}`));
  const [words, status] = [ring.querySelector('.step'), ring.querySelector('.status')];
  if (words !== null) {
    words.textContent =
      step === undefined
        ? 'before its first write'
        : `event ${step[0]}, write ${at + 1} of ${steps.length}: ${step[1]}`;
  }
  if (status !== null) status.textContent = step?.[2] ?? '';
  const order = new Intl.Collator('en', { numeric: true });
  for (const table of ring.querySelectorAll<HTMLTableElement>('table')) {
    const own = [...rows.values()]
      .filter(([area]) => area === table.dataset['area'])
      .sort(([, a], [, b]) => order.compare(a, b));
    table.tBodies[0]?.replaceChildren(...own.map((row) => line(row, fresh.has(`${row[0]} ${row[1]}`))));
  }
}

async function prepare(ring: HTMLElement): Promise<void> {
  const steps = await stepsOf(ring);
  const range = document.createElement('input');
  range.type = 'range';
  range.min = '-1';
  range.max = String(steps.length - 1);
  range.value = ring.dataset['at'] ?? '-1';
  range.setAttribute('aria-label', 'write of this ring');
  const show = (): void => draw(ring, steps, Number(range.value));
  const button = (name: string, by: number): HTMLButtonElement => {
    const element = document.createElement('button');
    element.type = 'button';
    element.textContent = name;
    element.addEventListener('click', () => {
      range.value = String(Number(range.value) + by);
      show();
    });
    return element;
  };
  range.addEventListener('input', show);
  const controls = document.createElement('p');
  controls.className = 'controls';
  controls.append(button('back', -1), range, button('on', 1));
  ring.querySelector('h5')?.after(controls);
  show();
}

for (const rings of document.querySelectorAll<HTMLDetailsElement>('details.rings')) {
  rings.addEventListener(
    'toggle',
    () => {
      for (const ring of rings.querySelectorAll<HTMLElement>('.ring')) void prepare(ring);
    },
    { once: true },
  );
}
