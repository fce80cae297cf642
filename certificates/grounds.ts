import { mustPassOf, profileText } from './profile.ts';
import type { Verification } from './verification.ts';

/** On what the requirements rest that passed, over all scopes: traces that show them by themselves, or the runner's word. */
export interface Grounds {
  readonly byTrace: number;
  readonly byWord: number;
}

export function groundsOf({ decision, again, profiles, claim }: Verification): Grounds {
  let byTrace = 0;
  let passed = 0;
  for (const scope of decision.scopes) {
    passed += scope.passed;
    const profile = profiles.find((one) => profileText(one) === scope.profile);
    const list = profile === undefined ? undefined : mustPassOf(profile, claim.device.type, scope.transport);
    const others = new Set(scope.others.map(({ requirement }) => requirement));
    const shown = again?.shown.get(scope.target);
    byTrace += (list?.requirements ?? []).filter((slug) => !others.has(slug) && shown?.has(slug) === true).length;
  }
  return { byTrace, byWord: passed - byTrace };
}
