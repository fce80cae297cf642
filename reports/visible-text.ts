/** A piece of text from outside: as it is, or a character that would not show itself, by name. */
export type TextPiece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'invisible'; readonly name: string };

/**
 * What a terminal, a browser or a parser would act on instead of showing: controls (line feed and tab apart), lone
 * surrogates, characters that reorder or hide others, line separators, tags and noncharacters.
 */
const unshown = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u;

/** Pieces of text from outside, in order; no piece holds a character that could change how others are read. */
export function textPieces(text: string): TextPiece[] {
  const pieces: TextPiece[] = [];
  let plain = '';
  for (const character of text) {
    if (character === '\n' || character === '\t' || !unshown.test(character)) {
      plain += character;
      continue;
    }
    if (plain !== '') pieces.push({ kind: 'text', text: plain });
    plain = '';
    pieces.push({ kind: 'invisible', name: nameOf(character) });
  }
  if (plain !== '') pieces.push({ kind: 'text', text: plain });
  return pieces;
}

/** The same as plain text, with the names in angle brackets: `\u202e` becomes `⟨U+202E⟩`. */
export function visibleText(text: string): string {
  return textPieces(text)
    .map((piece) => (piece.kind === 'text' ? piece.text : `⟨${piece.name}⟩`))
    .join('');
}

/** Visible and on one line: for formats in which a line is a record. */
export function visibleLine(text: string): string {
  return visibleText(text.replace(/\r?\n/g, ' ⏎ ').replace(/\t/g, ' '));
}

const escapeCode = 0x1b;

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === escapeCode) return 'ESC';
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
