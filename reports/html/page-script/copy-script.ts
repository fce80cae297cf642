/** Buttons that copy the command beside them. */

async function copyText(button: HTMLElement): Promise<void> {
  const source = button.parentElement?.querySelector('[data-copied]');
  if (source === null || source === undefined) return;
  try {
    await navigator.clipboard.writeText(source.textContent ?? '');
    button.textContent = 'copied';
  } catch {
    getSelection()?.selectAllChildren(source);
    button.textContent = 'selected';
  }
  setTimeout(() => {
    button.textContent = 'copy';
  }, 1500);
}

for (const button of document.querySelectorAll<HTMLElement>('button.copy')) {
  button.addEventListener('click', () => void copyText(button));
}
