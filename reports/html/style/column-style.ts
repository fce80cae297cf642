/** With more targets than these, columns hold signs alone, and their heads stand upright. */
export const mostNamedColumns = 5;

/** Widths in rem: of the name of a bit, of a column with a word, and of what surrounds the matrix. */
const nameWidth = 15;
const namedColumn = 8.2;
const margins = 6;
/** The page itself is no wider. */
const widestMatrix = 76;

/** What depends on how many targets there are. */
export function columnStyle(targets: number): string {
  const places = Array.from({ length: targets }, (_, index) => `.cells > .c${index}{grid-column:${index + 1}}`);
  const alone = Array.from(
    { length: targets },
    (_, index) => `:root[data-column="${index}"] .signs > b:not(.c${index})`,
  );
  const named = nameWidth + namedColumn * targets;
  const narrow = named > widestMatrix ? compactMatrix : `@media (max-width: ${named + margins}rem) {${compactMatrix}}`;
  return [`:root{--targets:${targets}}`, ...places, `${alone.join(',')}{display:none}`, narrow, onPaper(targets)].join(
    '\n',
  );
}

/** In rem: of a sheet of A4 within its margins, and of what a column of signs takes on a screen. */
const sheet = 43;
const signColumn = 1.9;
const compactName = 9;

/** A sheet does not scroll: more targets than it has room for have narrower columns. */
function onPaper(targets: number): string {
  const column = Math.min(signColumn, (sheet - compactName) / targets);
  if (column === signColumn) return '';
  return `@media print {
.matrix { min-width: 0; }
.matrix thead th[data-t] { width: auto; }
.matrix thead .name { width: ${compactName - 2}rem; }
.matrix thead th .head { line-height: ${column.toFixed(2)}rem; font-size: min(0.8125rem, ${(column * 0.8).toFixed(2)}rem); }
.matrix td[data-t] { border-left-width: 1px; }
.matrix td[data-t] .mark::before { width: auto; font-size: min(0.95rem, ${(column * 0.8).toFixed(2)}rem); }
}`;
}

/** Signs alone, so that a phone, a sheet of paper or thirty targets have room for the names of the bits. */
const compactMatrix = `
.matrix { min-width: calc(9rem + var(--targets) * 1.9rem); }
.matrix thead th[data-t] { width: 1.9rem; padding: 0.4rem 0; vertical-align: bottom; }
.matrix thead th .head {
  writing-mode: vertical-rl; transform: rotate(180deg); max-height: 14rem; line-height: 1.9rem; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; display: inline-block;
}
.matrix td[data-t] { padding-inline: 0; text-align: center; border-left-width: 2px; }
.matrix td[data-t] .mark { font-size: 0; }
.matrix td[data-t] .mark::before { font-size: 0.95rem; width: 1.7rem; }
.matrix td[data-t] a { padding: 0.1rem 0; }
.matrix td[data-t] small { display: none; }
.legend { display: flex; }
.matrix .bit, .matrix thead .bit { width: 2rem; padding: 0.32rem 0.35rem 0.32rem 0; }
.matrix .name { padding-inline: 0.3rem; }
.matrix tbody .name { font-size: 0.78rem; }
`;
