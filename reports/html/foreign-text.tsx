import type { JSX } from 'preact';
import { textPieces } from '../visible-text.ts';

/** Text that came from an IUT or its maker: what would not show itself is named, and it cannot reorder its surroundings. */
export function ForeignText({ text }: { readonly text: string }): JSX.Element {
  return (
    <bdi>
      {textPieces(text).map((piece) =>
        piece.kind === 'text' ? (
          piece.text
        ) : (
          <span class="invisible" key={piece.name}>
            {piece.name}
          </span>
        ),
      )}
    </bdi>
  );
}
