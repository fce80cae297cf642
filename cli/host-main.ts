import { hostProcess } from './host-process.ts';

/** The program of a host process. */
const [, , jobPath] = process.argv;
if (jobPath === undefined) {
  process.stderr.write('this program is started by vhost-conformance run\n');
  process.exitCode = 2;
} else {
  await hostProcess(jobPath);
}
