import { allSources } from '../reference-impl/catalogue/catalogue.ts';
import type { ListedRow } from './listed-row.ts';

export function listedTexts(): ListedRow[] {
  return allSources().map(({ name, family, title, date, address, opened }) => ({
    data: { name, family, title, date, address, opened },
    text: `${name}  ${date ?? 'no date'}  ${title}  ${address ?? 'no address'}${address !== null && opened === null ? ' (unverified)' : ''}`,
  }));
}
