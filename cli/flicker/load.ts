import { type ChildProcess, spawn } from 'node:child_process';

/** Processes that keep every processor busy until they are ended. */
export class Load {
  readonly #children: readonly ChildProcess[];

  constructor(processes: number) {
    this.#children = Array.from({ length: processes }, () =>
      // It ends with its parent too: standard input is closed then.
      spawn(
        process.execPath,
        [
          '-e',
          'process.stdin.on("end", () => process.exit()).resume(); (function turn() { for (let n = 0; n < 1e7; n++); setImmediate(turn); })()',
        ],
        {
          stdio: ['pipe', 'ignore', 'ignore'],
        },
      ),
    );
  }

  end(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
