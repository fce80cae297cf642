// Headings of a reStructuredText document, and the messages that it defines below them.

/** `{ path, title, at }`: a message stands below the heading that defines it. */
export function rstHeadings(text) {
  const lines = text.split('\n');
  const marks = [];
  const titles = [];
  const found = [];
  for (const [index, line] of lines.entries()) {
    const under = lines[index + 1] ?? '';
    if (/^(\W)\1{2,}$/.test(under) && !/^\W/.test(line) && line.length > 0 && under.length >= line.length) {
      const mark = under[0] + (lines[index - 1] === under ? '^' : '');
      if (!marks.includes(mark)) marks.push(mark);
      titles.length = marks.indexOf(mark);
      titles.push(line);
      found.push({ path: [...titles], title: line, at: `#L${index + 1}` });
    } else if (/^``VHOST_USER_\w+``( \(.*\))?$/.test(line) && /^ {2}\S/.test(under)) {
      const title = line.slice(2).split('``')[0];
      found.push({ path: [...titles, title], title, at: `#L${index + 1}` });
    }
  }
  return found;
}
