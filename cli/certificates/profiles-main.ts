import { readFileSync, writeFileSync } from 'node:fs';
import { allProfiles, type Profile } from '../../certificates/profile.ts';
import { counted } from '../counted.ts';
import { mustPassLists } from './must-pass-lists.ts';

/**
 * `npm run profiles`: writes the must-pass lists anew from the catalogue. A list that changes gives its profile another
 * version, once it was released: what was certified by the former one stays what it was.
 */
function main(): void {
  for (const profile of allProfiles()) {
    const path = new URL(`../../../certificates/profiles/${profile.id}.json`, import.meta.url);
    const { mustPass: _, ...rest } = JSON.parse(readFileSync(path, 'utf8')) as Profile;
    const mustPass = mustPassLists(profile);
    writeFileSync(path, `${JSON.stringify({ ...rest, mustPass }, undefined, 2)}\n`);
    for (const { device, transport, requirements } of mustPass) {
      process.stdout.write(
        `${profile.id}: ${device} over ${transport}: ${counted(requirements.length, 'requirement')}\n`,
      );
    }
  }
}

main();
