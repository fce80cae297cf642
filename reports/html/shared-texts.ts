import { deflateRawSync } from 'node:zlib';

/** Texts of which a page needs many more than once: each stands in it one time, deflated with all others. */
export class SharedTexts {
  readonly #places = new Map<string, number>();

  /** Where it stands among the others. */
  place(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.#places.size;
    this.#places.set(text, place);
    return place;
  }

  has(text: string): boolean {
    return this.#places.has(text);
  }

  /** All of them as the scripts of the page read them; undefined where there is none. */
  compressed(): string | undefined {
    return this.#places.size === 0 ? undefined : deflated([...this.#places.keys()]);
  }
}

/** JSON, deflated and in base 64. */
export const deflated = (value: unknown): string =>
  deflateRawSync(JSON.stringify(value), { level: 9 }).toString('base64');
