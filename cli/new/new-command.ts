import { Argument, type Command } from 'commander';
import { several } from '../several.ts';
import { print } from '../terminal.ts';
import type { CaseOptions } from './new-case.ts';
import type { FeatureOptions } from './new-feature.ts';
import type { RequirementOptions } from './new-requirement.ts';
import type { TargetOptions } from './new-target.ts';

/** What all of them may be told; each refuses what it lacks. */
type NewOptions = FeatureOptions & RequirementOptions & CaseOptions & TargetOptions;

/** What can be begun; each returns what it made, what is to be filled in, and the next step. */
const makers = {
  feature: async (name: string, options: NewOptions) => {
    const { newFeature } = await import('./new-feature.ts');
    return newFeature(await tree(), name, options);
  },
  requirement: async (name: string, options: NewOptions) => {
    const { newRequirement } = await import('./new-requirement.ts');
    return newRequirement(await tree(), name, options);
  },
  case: async (name: string, options: NewOptions) => {
    const { newCase } = await import('./new-case.ts');
    return newCase(await tree(), name, options);
  },
  target: async (name: string, options: NewOptions) =>
    (await import('./new-target.ts')).newTarget(process.cwd(), name, options),
};

const tree = async () => (await import('./source-tree.ts')).sourceTreeAt(process.cwd());

export function addNewCommand(command: Command): void {
  command
    .addArgument(new Argument('<what>').choices(Object.keys(makers)))
    .argument('<name>', 'VIRTIO_…_F_…, a slug, the id of a case, or the name of a target')
    .option('--text <sentence>', 'feature, requirement: what it says, in our words')
    .option('--bit <number>', 'feature: its number')
    .option('--device <type>', 'feature, target: whose it is')
    .option('--clause <clause>', 'requirement: number and headings in the text')
    .option('--level <level>', 'requirement: MUST, MUST NOT, SHOULD, SHOULD NOT or MAY')
    .option('--basis <basis>', 'requirement: keyword, fact, choice or robustness', 'keyword')
    .option('--binds <who>', 'requirement: device, driver, back-end, front-end or kernel (default: as in its area)')
    .option('--since <version>', 'requirement: oldest version of the text that has it (default: the newest)')
    .option('--feature <name>', 'requirement: a feature bit that it hangs on (several allowed)', several, [])
    .option('--requirement <slug>', 'case: the rule that it proves')
    .option('--fault <name>', 'case: the fault that must break it')
    .option('--title <title>', 'case: what holds')
    .option('--exec <command>', 'target: what starts it, with {socket}')
    .option('--at <target>', 'target: what exists already, as run is told of it (mdev:UUID, vhost-vdpa:FILE, …)')
    .option('--like <target>', 'target: the one that it differs from')
    .action(async (what: keyof typeof makers, name: string, options: NewOptions) => {
      for (const line of await makers[what](name, options)) print(line);
    });
}
