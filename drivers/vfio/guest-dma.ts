import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { DmaRange, VfioDevice } from '../port/port.ts';

/** Memory of a guest, as the device reaches it by DMA. */
export class GuestDma {
  readonly #vfio: VfioDevice;
  #mapped: DmaRange[] = [];

  constructor(vfio: VfioDevice) {
    this.#vfio = vfio;
  }

  /** Maps a guest in place of the one before. 0, or the error number, negated, of the first region that is refused. */
  share(guest: Guest): number {
    for (const range of this.#mapped.splice(0)) this.#vfio.unmapDma(range);
    for (const { ioVirtualAddress, userAddress, size } of guest.regions) {
      const range = { ioVirtualAddress, size: BigInt(size) };
      const answer = this.#vfio.mapDma({ ...range, userAddress });
      if (answer < 0) return answer;
      this.#mapped.push(range);
    }
    return 0;
  }
}
