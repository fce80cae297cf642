import type { JSX } from 'preact';
import { ForeignText } from './foreign-text.tsx';

/** The command that shows it once more. */
export function Rerun({ command }: { readonly command: string }): JSX.Element {
  return (
    <div class="rerun">
      <h4>run it again</h4>
      <p>
        <code data-copied>
          <ForeignText text={command} />
        </code>
        <button type="button" class="copy">
          copy
        </button>
      </p>
    </div>
  );
}
