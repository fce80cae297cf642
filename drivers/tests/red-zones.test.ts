import t from 'tap';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { MappedGuest } from '../session/guest-memory.ts';
import { zoneBytes, zonePlaces } from '../session/red-zones.ts';

t.test('zones lie beside regions, and no byte is in two of them or in a region', (t) => {
  for (const [name, layout] of Object.entries(guestLayouts)) {
    const taken = [
      ...zonePlaces(layout).map(({ file, offset, size }) => ({ file, from: offset, to: offset + size })),
      ...layout.regions.map(({ file, mmapOffset, size }) => ({
        file,
        from: Number(mmapOffset),
        to: Number(mmapOffset) + size,
      })),
    ].sort((left, right) => left.file - right.file || left.from - right.from);
    for (const [at, place] of taken.entries()) {
      const next = taken[at + 1];
      t.ok(place.to > place.from, `${name}: a place has bytes`);
      if (next?.file === place.file) t.ok(place.to <= next.from, `${name}: places lie one behind another`);
    }
    for (const { file, mmapOffset, size } of layout.regions) {
      const end = Number(mmapOffset) + size;
      t.ok(
        taken.some((place) => place.file === file && place.from === end),
        `${name}: something is behind a region`,
      );
    }
  }
  t.same(
    zonePlaces(guestLayouts['one-file']).map(({ offset, size }) => [offset, size]),
    [
      [0, zoneBytes],
      [0x1000 + 0x8_0000, zoneBytes],
      [0x20_0000 - zoneBytes, zoneBytes],
      [0x20_0000 + 0x8_0000, zoneBytes],
    ],
    'ahead of each region and behind it',
  );
  t.end();
});

t.test('a zone tells the first byte that changed', (t) => {
  const mapped = new MappedGuest(guestLayouts['single-region'], 'red-zones', 'anywhere', true);
  t.teardown(() => mapped.close());
  const [zone, ...others] = mapped.redZones;
  t.same(others, []);
  t.equal(zone?.mmapOffset, 0x10_0000n, 'behind the region');
  t.equal(zone?.changedAt(), undefined);
  const { backing } = zone as { backing: { bytes: Uint8Array } };
  backing.bytes[0x10_0000 - 1] = 1;
  t.equal(zone?.changedAt(), undefined, 'the last byte of the region is none of it');
  backing.bytes[0x10_0000 + 7] = 0;
  t.equal(zone?.changedAt(), 7);
  t.end();
});
