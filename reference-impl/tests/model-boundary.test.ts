import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../../reference-impl/', import.meta.url));
const sourceImport = /from '(\.[^']+)'/g;

/** Modules that a file imports, directly or through others; types included. */
function reached(files: readonly string[]): Set<string> {
  const seen = new Set(files);
  for (const file of seen) {
    for (const [, path = ''] of readFileSync(join(root, file), 'utf8').matchAll(sourceImport)) {
      if (path.endsWith('.ts')) seen.add(normalize(join(dirname(file), path)));
    }
  }
  return seen;
}

t.test('the model reaches no rule of a device, a ring or a transport, and no fault', (t) => {
  const folder = 'oracle/model';
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.ts')).map((name) => join(folder, name));
  const modules = reached(files);
  t.ok(modules.has('catalogue/catalogue.ts'), 'imports are followed');
  const ruled = [...modules].filter((name) => /(-rules|-rule-tables|-device|device-ring|faults?)(\.ts|\/)/.test(name));
  t.strictSame(ruled, []);
  t.end();
});

t.test('what is ruled is recognised', (t) => {
  t.ok(reached(['devices/block-device.ts']).has('devices/block-rules.ts'));
  t.end();
});
