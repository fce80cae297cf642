// Bundles the programs that are started most into dist/bundled/, behind tsc: to load 800 modules one by one takes longer
// than to judge a short case. Packages of others stay as they are. Does nothing where the bundle is newer than what tsc
// wrote.
//   node scripts/bundle.mjs
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const bundled = join(dist, 'bundled');
const programs = [
  'cli/main.js',
  'cli/program.js',
  'cli/exit-code.js',
  'cli/host-main.js',
  'cli/certificates/machine-main.js',
  'drivers/reference/serve.js',
  'fixtures/hostile-back-end/serve-hostile.js',
].map((path) => join(dist, path));

/** When a file was written, in milliseconds; 0 where there is none. */
function writtenAt(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function isFresh() {
  const records = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.tsbuildinfo'),
  );
  const inputs = [...records.map((path) => join(dist, path)), fileURLToPath(import.meta.url)];
  return Math.max(...inputs.map(writtenAt)) < writtenAt(join(bundled, 'main.js'));
}

/** A module goes on to find files beside itself, where it was; but a program that is bundled it finds among these. */
function placed(path, text) {
  return text
    .replaceAll('import.meta.url', `new URL('../${relative(dist, path)}', import.meta.url).href`)
    .replaceAll(/new URL\('([^']+)', new URL\('[^']+', import\.meta\.url\)\.href\)/g, (all, to) => {
      const program = resolve(dirname(path), to);
      return programs.includes(program) ? `new URL('./${basename(program)}', import.meta.url)` : all;
    });
}

/** Cases are loaded all together by what is bundled: a chunk for each file of them would be as slow as the modules. */
function loadedAtOnce(text) {
  const imports = [];
  const list = text.replaceAll(/\(\) => import\(([^)]+)\)/g, (_, file) => {
    imports.push(`import * as file${imports.length} from ${file};`);
    return `async () => file${imports.length - 1}`;
  });
  if (imports.length === 0) throw new Error('suites/case-files.js: no file of cases is found in it');
  return [...imports, list].join('\n');
}

const modules = {
  name: 'modules',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(`${dist}/`)) return undefined;
      const text = readFileSync(path, 'utf8');
      return { contents: path === join(dist, 'suites/case-files.js') ? loadedAtOnce(text) : placed(path, text) };
    });
  },
};

if (!isFresh()) {
  const fresh = join(dist, `bundled-${process.pid}`);
  await build({
    entryPoints: programs.map((path) => ({ in: path, out: basename(path, '.js') })),
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.20',
    packages: 'external',
    sourcemap: true,
    plugins: [modules],
    logLevel: 'warning',
  });
  rmSync(bundled, { recursive: true, force: true });
  renameSync(fresh, bundled);
}
