// Headings of the virtio specification, numbered as LaTeX numbers them, from its sources in a git directory.
import { execFileSync } from 'node:child_process';

const depths = ['chapter', 'section', 'subsection', 'subsubsection', 'paragraph', 'subparagraph'];
const prefixes = { devicenormative: 'Device Requirements: ', drivernormative: 'Driver Requirements: ' };

/** The text between the brace at `start` and the one that closes it. */
function group(text, start) {
  let open = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '{') open += 1;
    else if (text[at] === '}') {
      open -= 1;
      if (open === 0) return { inner: text.slice(start + 1, at), end: at + 1 };
    }
  }
  return undefined;
}

/** What a reader sees of a title. */
function plain(title) {
  return title
    .replace(/\\label\{[^}]*\}/g, '')
    .replace(/\\texorpdfstring\{([^}]*)\}\{[^}]*\}/g, '$1')
    .replace(/\\DIFdeltext\w+\{[^}]*\}/g, '')
    .replace(/\\(?:DIFaddtext\w+|field|emph|textbf|texttt)\{([^}]*)\}/g, '$1')
    .replace(/\\([_&#%$])/g, '$1')
    .replace(/~/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Where a heading ends its title in the sources: `{ depth, title, end }`, or undefined where the command is no heading. */
function headingAt(text, match) {
  const [whole, name] = match;
  const after = match.index + whole.length - 1;
  if (prefixes[name] === undefined) {
    const title = group(text, after);
    return title && { depth: depths.indexOf(name), title: plain(title.inner) };
  }
  const command = group(text, after);
  const depth = depths.indexOf(command?.inner.trim().slice(1));
  const open = command === undefined ? -1 : text.indexOf('{', command.end);
  const title = depth < 0 || open < 0 ? undefined : group(text, open);
  return title && { depth, title: prefixes[name] + plain(title.inner) };
}

/** Pieces of a file in order: headings with their lines, and files that it takes in. */
function* piecesOf(read, file) {
  const text = read(file)
    .split('\n')
    .map((line) => line.replace(/(^|[^\\])%.*$/, '$1'))
    .join('\n');
  const commands =
    /\\(input|chapter|section|subsection|subsubsection|paragraph|subparagraph|devicenormative|drivernormative)\s*\{/g;
  for (const match of text.matchAll(commands)) {
    if (match[1] === 'input') {
      const name = group(text, match.index + match[0].length - 1)?.inner.trim() ?? '';
      yield* piecesOf(read, name.endsWith('.tex') ? name : `${name}.tex`);
      continue;
    }
    const heading = headingAt(text, match);
    if (heading !== undefined) yield { ...heading, at: `${file}#L${text.slice(0, match.index).split('\n').length}` };
  }
}

/** TeX4ht calls a heading by its place among all, the two ahead of the first chapter counted, and its own last number. */
const anchorOf = (place, last) => `x1-${place + 2}000${last}`;

/**
 * All numbered headings at a commit or tag: `{ number, anchor, path, title, at }`, `path` with the headings above, `anchor` as
 * the published page has it.
 */
export function latexHeadings(gitDirectory, revision) {
  const read = (file) =>
    execFileSync('git', ['--git-dir', gitDirectory, 'show', `${revision}:${file}`], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
  const counters = depths.map(() => 0);
  const titles = [];
  const found = [];
  for (const file of ['introduction.tex', 'content.tex', 'conformance.tex']) {
    for (const { depth, title, at } of piecesOf(read, file)) {
      counters[depth] += 1;
      counters.fill(0, depth + 1);
      titles.length = depth;
      titles[depth] = title;
      const number = counters.slice(0, depth + 1).join('.');
      const anchor = anchorOf(found.length, counters[depth]);
      found.push({ number, anchor, path: titles.filter((name) => name !== undefined), title, at });
    }
  }
  return found;
}
