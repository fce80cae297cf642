import { allSources } from '../reference-impl/catalogue/catalogue.ts';
import type { ListedRow } from './listed-row.ts';

export function listedTexts(): ListedRow[] {
  return allSources().map((text) => {
    const { name, date, title, address, opened, source, read } = text;
    const verified = address === null ? '' : opened === null ? ' (unverified)' : ` (opened ${opened})`;
    const clauses = source === null ? '' : `  clauses read ${read} in: ${source}`;
    return {
      data: text,
      text: `${name}  ${date ?? 'no date'}  ${title}  ${address ?? 'no address'}${verified}${clauses}`,
    };
  });
}
