/** Whole traces, which the page holds deflated: shown where they are asked for. */

const failed = ' <== a check failed here';

async function inflated(data: string): Promise<string> {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return await new Response(stream).text();
}

async function showWhole(button: HTMLButtonElement): Promise<void> {
  const text = await inflated(button.dataset['deflated'] ?? '');
  const lines = document.createElement('pre');
  lines.tabIndex = 0;
  lines.setAttribute('role', 'group');
  lines.setAttribute('aria-label', 'all events');
  const before = text.split('\n');
  const at = before.findIndex((line) => line.endsWith(failed));
  const after = before.splice(at < 0 ? before.length : at);
  const mark = document.createElement('mark');
  mark.textContent = after.shift() ?? '';
  lines.append(before.map((line) => `${line}\n`).join(''), mark, after.map((line) => `\n${line}`).join(''));
  button.replaceWith(lines);
  lines.focus({ preventScroll: true });
  lines.scrollTop = mark.offsetTop - lines.offsetTop - lines.clientHeight / 2;
}

for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-deflated]')) {
  button.addEventListener('click', () => void showWhole(button));
}
