import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isFeatureName } from '../catalogue/catalogue.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const rooms = ['reference-impl', 'drivers', 'judging', 'suites', 'fuzz', 'reports', 'cli'];

/** Lines that give a feature a number of their own, as `VIRTIO_F_X = 1n << 5n`, `VIRTIO_F_X: 5`. */
function numbered(text: string): string[] {
  return [...text.matchAll(/\b(V[A-Z0-9]+_\w*F_\w+)['"]?\s*[:=]\s*(?:1n?\s*<<\s*)?\d/g)]
    .filter(([, name = '']) => isFeatureName(name))
    .map(([line]) => line);
}

t.test('the number of a feature stands in feature-bits.json alone', async (t) => {
  const files = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && !/\.d\.ts$|(^|\/)tests\//.test(name))
      .map((name) => join(room, name)),
  );
  t.ok(files.includes('reference-impl/devices/block-layout.ts'));
  const found = files.flatMap((file) =>
    numbered(readFileSync(join(root, file), 'utf8')).map((line) => `${file}: ${line}`),
  );
  t.same(found, [], 'featureMask(name) has the bit, featureByName(name) the number');
});

t.test('a number would be seen', async (t) => {
  t.same(numbered('const VIRTIO_F_EVENT_IDX = 1n << 29n;'), ['VIRTIO_F_EVENT_IDX = 1n << 2']);
  t.same(numbered('{ VIRTIO_BLK_F_RO: 5, VIRTQ_DESC_F_NEXT: 1 }'), ['VIRTIO_BLK_F_RO: 5']);
});
