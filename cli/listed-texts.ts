import { allSources } from '../reference-impl/catalogue/catalogue.ts';
import type { ListedRow } from './listed-row.ts';

export function listedTexts(): ListedRow[] {
  return allSources().map(({ name, family, title, date }) => ({
    data: { name, family, title, date },
    text: `${name}  ${date ?? 'no date'}  ${title}`,
  }));
}
