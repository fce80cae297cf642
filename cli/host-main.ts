import { loadCases } from './load-cases.ts';

/** The program of a host process. */
await loadCases();
const { hostProcess } = await import('./host-process.ts');
const [, , jobPath] = process.argv;
if (jobPath === undefined) {
  process.stderr.write('this program is started by vhost-conformance run\n');
  process.exitCode = 2;
} else {
  hostProcess(jobPath);
}
