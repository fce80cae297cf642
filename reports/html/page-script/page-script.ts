/** What the page does beyond what HTML does by itself: rows that open, filter, colours, links into closed parts. */

const root = document.documentElement;

function all(selector: string, within: ParentNode = document): HTMLElement[] {
  return [...within.querySelectorAll<HTMLElement>(selector)];
}

function controlById<Control extends HTMLElement>(id: string, kind: new () => Control): Control {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

/* Rows of the matrix that open */

function setExpanded(button: HTMLElement, isOpen: boolean): void {
  button.setAttribute('aria-expanded', String(isOpen));
  if (button.dataset['quiet'] !== undefined) button.closest('tbody')?.classList.toggle('all', isOpen);
  else document.getElementById(button.getAttribute('aria-controls') ?? '')?.classList.toggle('open', isOpen);
}

for (const button of all('button.expand')) {
  button.addEventListener('click', () => setExpanded(button, button.getAttribute('aria-expanded') !== 'true'));
}

/* Links into closed parts */

function openTarget(): void {
  const name = decodeURIComponent(location.hash.slice(1));
  const target = name === '' ? null : document.getElementById(name);
  if (target === null) return;
  for (let part: Element | null = target; part !== null; part = part.parentElement) {
    if (part instanceof HTMLDetailsElement) part.open = true;
  }
  if (target.closest('[hidden]') !== null) resetFilter();
  target.scrollIntoView();
  const focused = target.matches('details') ? target.querySelector('summary') : target;
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
}

window.addEventListener('hashchange', openTarget);
/** A link to the current place changes no hash and must still scroll there. */
document.addEventListener('click', ({ target }) => {
  const link = target instanceof Element ? target.closest('a') : null;
  if (link !== null && link.hash !== '' && link.hash === location.hash) openTarget();
});

/* Filter */

const text = controlById('filter-text', HTMLInputElement);
const target = controlById('filter-target', HTMLSelectElement);
const verdict = controlById('filter-verdict', HTMLSelectElement);
const count = controlById('filter-count', HTMLOutputElement);
const items = all('[data-item]');
const groups = all('[data-group]');
const columns = all('[data-t]');
const texts = new Map<HTMLElement, string>();

/** Traces are left out: a search for words would hit their bytes. */
function textOf(item: HTMLElement): string {
  const known = texts.get(item);
  if (known !== undefined) return known;
  const copy = item.cloneNode(true);
  if (copy instanceof HTMLElement) for (const trace of all('.trace', copy)) trace.remove();
  const detail = item.nextElementSibling?.matches('.detail') ? item.nextElementSibling.textContent : '';
  const words = `${copy.textContent} ${detail}`.toLowerCase();
  texts.set(item, words);
  return words;
}

function hasVerdict(item: HTMLElement, wantedTarget: string, wantedVerdict: string): boolean {
  if (wantedTarget === '' && wantedVerdict === '') return true;
  return (item.dataset['v'] ?? '').split(' ').some((pair) => {
    const [of = '', kind = ''] = pair.split(':');
    const isTarget = wantedTarget === '' || of === '*' || of === wantedTarget;
    if (!isTarget) return false;
    return wantedVerdict === '' ? kind !== 'elsewhere' : kind === wantedVerdict;
  });
}

function applyFilter(): void {
  const words = text.value
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const isFiltering = words.length > 0 || target.value !== '' || verdict.value !== '';
  const shown: Record<string, number> = {};
  for (const item of items) {
    const isShown = hasVerdict(item, target.value, verdict.value) && words.every((word) => textOf(item).includes(word));
    item.hidden = !isShown;
    if (item.nextElementSibling instanceof HTMLElement && item.nextElementSibling.matches('.detail')) {
      item.nextElementSibling.hidden = !isShown;
    }
    const kind = item.dataset['item'] ?? '';
    shown[kind] = (shown[kind] ?? 0) + (isShown ? 1 : 0);
  }
  for (const group of groups) {
    group.hidden = isFiltering && group.querySelector('[data-item]:not([hidden])') === null;
    if (group instanceof HTMLDetailsElement) {
      group.open = isFiltering ? !group.hidden && (words.length > 0 || verdict.value !== '') : group.open;
    }
  }
  for (const uncited of all('.uncited')) {
    uncited.hidden = isFiltering && uncited.querySelector('[data-item]:not([hidden])') === null;
  }
  for (const column of columns) column.hidden = target.value !== '' && column.dataset['t'] !== target.value;
  root.classList.toggle('filtering', isFiltering);
  root.dataset['columns'] = target.value === '' ? 'all' : 'one';
  count.textContent = isFiltering
    ? `${shown['feature'] ?? 0} bits, ${shown['requirement'] ?? 0} requirements, ${shown['finding'] ?? 0} findings`
    : '';
}

function resetFilter(): void {
  text.value = '';
  target.value = '';
  verdict.value = '';
  applyFilter();
}

text.addEventListener('input', applyFilter);
target.addEventListener('change', applyFilter);
verdict.addEventListener('change', applyFilter);
controlById('filter-reset', HTMLButtonElement).addEventListener('click', () => {
  resetFilter();
  text.focus();
});
document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    text.focus();
  }
});

/* What a process said last is at the end */

for (const end of all('.stderr pre')) end.scrollTop = end.scrollHeight;

/* Colours */

const themes = ['auto', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];
const themeNames: Record<Theme, string> = { auto: 'as the system', light: 'light', dark: 'dark' };
const themeButton = controlById('theme', HTMLButtonElement);

function showTheme(theme: Theme): void {
  root.dataset['theme'] = theme;
  themeButton.textContent = theme;
  themeButton.setAttribute('aria-label', `Colours: ${themeNames[theme]}`);
}

/** Storage is refused to some pages that come from files. */
function storedTheme(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem('theme')) ?? 'auto';
  } catch {
    return 'auto';
  }
}

themeButton.addEventListener('click', () => {
  const next = themes[(themes.indexOf(storedThemeOrShown()) + 1) % themes.length] ?? 'auto';
  showTheme(next);
  try {
    localStorage.setItem('theme', next);
  } catch {
    /* The choice lasts as long as the page is open. */
  }
});

function storedThemeOrShown(): Theme {
  return themes.find((theme) => theme === root.dataset['theme']) ?? 'auto';
}

/* Bytes and fields that belong together */

function mark(event: Event): void {
  const at = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-b]') : null;
  const within = at?.closest('.bytes');
  for (const marked of all('.bytes .on')) marked.classList.remove('on');
  if (at === null || within === null || within === undefined) return;
  for (const same of all(`[data-b="${at.dataset['b']}"]`, within)) same.classList.add('on');
}

document.addEventListener('mouseover', mark);

showTheme(storedTheme());
applyFilter();
openTarget();
