import { targets } from '../fixtures/targets/index.ts';
import type { ListedRow } from './listed-row.ts';

export function listedTargets(): ListedRow[] {
  return targets.map(({ facts: { name, transport, device, identity } }) => ({
    data: { name, transport, device, identity },
    text: `${name}  ${transport}  ${device}  ${identity}`,
  }));
}
