/** What the page does beyond what HTML does by itself: rows that open, colours, links into closed parts. */

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

/** The address may hold a filter behind the place: `#finding-x?target=y`. */
function openTarget(): void {
  const name = decodeURIComponent(location.hash.slice(1).replace(/\?.*$/s, ''));
  const target = name === '' ? null : document.getElementById(name);
  for (const sought of all('.sought')) sought.classList.remove('sought');
  if (target === null) return;
  for (let part: Element | null = target; part !== null; part = part.parentElement) {
    if (part instanceof HTMLDetailsElement) part.open = true;
  }
  if (target.closest('[hidden]') !== null) document.dispatchEvent(new Event('show-all'));
  target.classList.add('sought');
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

/* What a process said last is at the end */

for (const end of all('.stderr pre')) end.scrollTop = end.scrollHeight;

/* Colours */

const themes = ['auto', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];
const themeNames: Record<Theme, string> = { auto: 'auto, as the system', light: 'light', dark: 'dark' };
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

/* Bytes and fields that belong together: under the pointer, at a touch, or by the arrow keys within a table */

let marked: HTMLElement[] = [];

function mark(at: HTMLElement | null): void {
  for (const one of marked) one.classList.remove('on');
  const within = at?.closest<HTMLElement>('.bytes');
  marked = at === null || within === null || within === undefined ? [] : all(`[data-b="${at.dataset['b']}"]`, within);
  for (const one of marked) one.classList.add('on');
}

const fieldOf = ({ target }: Event): HTMLElement | null =>
  target instanceof Element ? target.closest<HTMLElement>('[data-b]') : null;

document.addEventListener('mouseover', (event) => {
  const at = fieldOf(event);
  if (at !== null || marked.length > 0) mark(at);
});
document.addEventListener('click', (event) => {
  const at = fieldOf(event);
  if (at !== null) mark(at);
});
document.addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const table = document.activeElement?.closest('.bytes .scroll');
  if (step === undefined || table === null || table === undefined) return;
  const rows = all('[data-b]', table);
  const now = rows.findIndex((row) => row.classList.contains('on'));
  const next = rows[Math.max(0, Math.min(rows.length - 1, now < 0 ? 0 : now + step))];
  event.preventDefault();
  mark(next ?? null);
  next?.scrollIntoView({ block: 'nearest' });
});

showTheme(storedTheme());
openTarget();
