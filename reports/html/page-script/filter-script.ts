/** The filter: by words, target, verdict, level, basis, how and text; it is kept in the address. */

const root = document.documentElement;

function controlById<Control extends HTMLElement>(id: string, kind: new () => Control): Control {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

const text = controlById('filter-text', HTMLInputElement);
const target = controlById('filter-target', HTMLSelectElement);
const verdict = controlById('filter-verdict', HTMLSelectElement);
const level = controlById('filter-level', HTMLSelectElement);
const basis = controlById('filter-basis', HTMLSelectElement);
const how = controlById('filter-how', HTMLSelectElement);
const since = controlById('filter-since', HTMLSelectElement);
const count = controlById('filter-count', HTMLOutputElement);
const none = controlById('filter-none', HTMLParagraphElement);
const controls = { text, target, verdict, level, basis, how, since };
const further = [level, basis, how, since];
const more = level.closest('.more');

/* What is filtered, read once */

interface Item {
  readonly element: HTMLElement;
  readonly detail: HTMLElement | undefined;
  readonly kind: string;
  /** Kinds with the numbers of their targets; `*` is every target. */
  readonly places: ReadonlyMap<string, ReadonlySet<string>>;
  readonly facts: ReadonlySet<string>;
  readonly groups: readonly HTMLElement[];
  words: string | undefined;
}

function itemOf(element: HTMLElement): Item {
  const next = element.nextElementSibling;
  const groups: HTMLElement[] = [];
  for (let part = element.parentElement; part !== null; part = part.parentElement) {
    if (part.matches('[data-group], .uncited')) groups.push(part);
  }
  const places = (element.dataset['v'] ?? '').split(' ').map((token): [string, ReadonlySet<string>] => {
    const [kind = '', list = ''] = token.split(':');
    return [kind, new Set(list.split(','))];
  });
  return {
    element,
    detail: next instanceof HTMLElement && next.matches('.detail') ? next : undefined,
    kind: element.dataset['item'] ?? '',
    places: new Map(places),
    facts: new Set((element.dataset['f'] ?? '').split('|')),
    groups,
    words: undefined,
  };
}

const items = [...document.querySelectorAll<HTMLElement>('[data-item]')].map(itemOf);
const groups = [...document.querySelectorAll<HTMLElement>('[data-group], .uncited')];
const columns = [...document.querySelectorAll<HTMLElement>('[data-t]')];

/** Traces are left out: a search for words would hit their bytes. */
function wordsOf(item: Item): string {
  if (item.words !== undefined) return item.words;
  const parts = item.element.querySelector('.trace, .rings') === null ? [item.element] : [...item.element.children];
  const told = parts.filter((part) => !part.matches('.trace, .rings')).map((part) => part.textContent);
  item.words = `${told.join(' ')} ${item.detail?.textContent ?? ''}`.toLowerCase();
  return item.words;
}

/** Words are read while nobody types, so that the first key need not wait for them. */
function readAhead(from: number): void {
  const end = performance.now() + 12;
  let at = from;
  for (; at < items.length && performance.now() < end; at += 1) {
    const item = items[at];
    if (item !== undefined) wordsOf(item);
  }
  if (at < items.length) setTimeout(() => readAhead(at), 4);
  else root.dataset['searchable'] = '';
}

/* What it asks for */

type Test = (item: Item) => boolean;

/** `bit 28` is one word, and not bit 128; everything else is words that all must occur. */
function wordTest(typed: string): Test {
  const bits = [...typed.matchAll(/\bbit\s+(\d+)/g)].map(([, number]) => new RegExp(`\\bbit ${number}(?!\\d)`));
  const words = typed
    .replace(/\bbit\s+\d+/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');
  return (item) => words.every((word) => wordsOf(item).includes(word)) && bits.every((bit) => bit.test(wordsOf(item)));
}

function isAt(places: ReadonlySet<string> | undefined): boolean {
  if (places === undefined) return false;
  return target.value === '' || places.has('*') || places.has(target.value);
}

function tests(): Test[] {
  const chosen: Test[] = [];
  for (const control of [verdict, how]) {
    if (control.value !== '') chosen.push(({ places }) => isAt(places.get(control.value)));
  }
  if (target.value !== '') {
    chosen.push(({ places }) => [...places].some(([kind, list]) => kind !== 'elsewhere' && isAt(list)));
  }
  for (const [letter, control] of [
    ['l', level],
    ['b', basis],
    ['s', since],
  ] as const) {
    if (control.value !== '') chosen.push(({ facts }) => facts.has(`${letter}:${control.value}`));
  }
  const typed = text.value.toLowerCase().trim();
  if (typed !== '') chosen.push(wordTest(typed));
  return chosen;
}

/* What it shows */

function hide(element: HTMLElement, isHidden: boolean): void {
  if (element.hidden !== isHidden) element.hidden = isHidden;
}

let shownColumn: string | undefined;

function showColumns(): void {
  if (shownColumn === target.value) return;
  shownColumn = target.value;
  for (const column of columns) hide(column, target.value !== '' && column.dataset['t'] !== target.value);
  root.dataset['columns'] = target.value === '' ? 'all' : 'one';
  root.dataset['column'] = target.value;
}

/** Bits that no target offers are shown where few match: all of them at once say nothing, and take long to draw. */
const mostQuietRows = 40;
const quietRows = items.filter(({ element }) => element.matches('.quiet'));

function showQuietRows(isFiltering: boolean, matching: number): void {
  const isShown = isFiltering && matching <= mostQuietRows;
  for (const { element } of quietRows) element.classList.toggle('found', isShown && !element.hidden);
}

function applyFilter(): void {
  const all = tests();
  const isFiltering = all.length > 0;
  const isSearching = isFiltering && (all.length > 1 || target.value === '');
  const shown = new Map<string, number>();
  const alive = new Set<HTMLElement>();
  for (const item of items) {
    const isShown = all.every((test) => test(item));
    hide(item.element, !isShown);
    if (item.detail !== undefined) hide(item.detail, !isShown);
    if (!isShown) continue;
    shown.set(item.kind, (shown.get(item.kind) ?? 0) + 1);
    for (const group of item.groups) alive.add(group);
  }
  for (const group of groups) {
    hide(group, isFiltering && !alive.has(group));
    if (isFiltering && group instanceof HTMLDetailsElement && !group.matches('.uncited')) {
      const isOpen = isSearching && alive.has(group) && (shown.get('requirement') ?? 0) <= 60;
      if (group.open !== isOpen) group.open = isOpen;
    }
  }
  showColumns();
  showQuietRows(isFiltering, shown.get('feature') ?? 0);
  more?.classList.toggle(
    'used',
    further.some(({ value }) => value !== ''),
  );
  const of = (kind: string): number => shown.get(kind) ?? 0;
  count.textContent = isFiltering
    ? `${of('feature')} bits, ${of('requirement')} requirements, ${of('finding')} findings`
    : '';
  hide(none, !isFiltering || shown.size > 0);
  const [words] = none.children;
  if (words !== undefined) words.textContent = `Nothing matches ${inWords()}.`;
}

function inWords(): string {
  return Object.entries(controls)
    .filter(([, { value }]) => value !== '')
    .map(([name, control]) => `${name} “${said(control)}”`)
    .join(' with ');
}

/** Of a target its name and not its number. */
function said(control: HTMLInputElement | HTMLSelectElement): string {
  if (control !== target) return control.value.trim();
  return target.selectedOptions[0]?.textContent ?? '';
}

/** A sign alone says whose it is under the pointer. */
document.addEventListener('mouseover', ({ target: at }) => {
  if (!(at instanceof HTMLElement) || !at.matches('.signs > b')) return;
  at.title = `${target.options[Number(at.classList.item(0)?.slice(1)) + 1]?.textContent}: ${at.classList.item(1)}`;
});

/* The address keeps it, behind the place that one is at */

function writeAddress(): void {
  const asked = Object.entries(controls).flatMap(([name, control]) =>
    control.value === '' ? [] : [[name, said(control)] as [string, string]],
  );
  const [place = ''] = location.hash.slice(1).split('?');
  const filter = new URLSearchParams(asked).toString();
  const hash = filter === '' ? place : `${place}?${filter}`;
  if (hash === location.hash.slice(1)) return;
  try {
    history.replaceState(history.state, '', hash === '' ? location.pathname + location.search : `#${hash}`);
  } catch {
    /* Some browsers change the address of no file. */
  }
}

/** What the address says, where a control has it. */
function readAddress(): boolean {
  const [, ...rest] = location.hash.split('?');
  if (rest.length === 0) return false;
  const asked = new URLSearchParams(rest.join('?'));
  for (const [name, control] of Object.entries(controls)) {
    const value = asked.get(name) ?? '';
    if (control instanceof HTMLInputElement) control.value = value;
    else control.value = [...control.options].find((option) => nameOf(control, option) === value)?.value ?? '';
  }
  return true;
}

const nameOf = (control: HTMLSelectElement, option: HTMLOptionElement): string =>
  control === target && option.value !== '' ? option.textContent : option.value;

function changed(): void {
  applyFilter();
  writeAddress();
}

function reset(): void {
  for (const control of Object.values(controls)) control.value = '';
  changed();
}

text.addEventListener('input', changed);
for (const control of Object.values(controls)) {
  if (control !== text) control.addEventListener('change', changed);
}
document.addEventListener('show-all', reset);
for (const button of [controlById('filter-reset', HTMLButtonElement), none.querySelector('button')]) {
  button?.addEventListener('click', () => {
    reset();
    text.focus();
  });
}
document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    text.focus();
  }
});
window.addEventListener('hashchange', () => {
  if (readAddress()) applyFilter();
  else writeAddress();
});

if (readAddress()) applyFilter();
else showColumns();
setTimeout(() => readAhead(0), 50);
