declare const space: unique symbol;

/** Where a byte lies for the guest: what descriptors carry, unless the device sits behind an IOMMU. */
export type GuestAddress = bigint & { readonly [space]: 'guest-physical' };
/** Where a byte lies in the front-end's own address space: what vhost ring addresses carry. */
export type UserAddress = bigint & { readonly [space]: 'user' };
/** Where a byte lies for a device behind an IOMMU (VIRTIO_F_ACCESS_PLATFORM). */
export type IoVirtualAddress = bigint & { readonly [space]: 'io-virtual' };

export type AddressSpace = 'guest-physical' | 'user' | 'io-virtual';

/** The three addresses of one byte. They always differ, so that one sent in place of another cannot work by luck. */
export interface Addresses {
  readonly guestAddress: GuestAddress;
  readonly userAddress: UserAddress;
  readonly ioVirtualAddress: IoVirtualAddress;
}

/** Brands a 64-bit value; higher bits are dropped, as a wire would. */
export const guestAddress = (value: bigint): GuestAddress => BigInt.asUintN(64, value) as GuestAddress;
export const userAddress = (value: bigint): UserAddress => BigInt.asUintN(64, value) as UserAddress;
export const ioVirtualAddress = (value: bigint): IoVirtualAddress => BigInt.asUintN(64, value) as IoVirtualAddress;

export function addressIn(space: AddressSpace, of: Addresses): bigint {
  switch (space) {
    case 'guest-physical':
      return of.guestAddress;
    case 'user':
      return of.userAddress;
    case 'io-virtual':
      return of.ioVirtualAddress;
  }
}

/** The addresses `offset` bytes further on. */
export function addressesAt(base: Addresses, offset: number): Addresses {
  const distance = BigInt(offset);
  return {
    guestAddress: guestAddress(base.guestAddress + distance),
    userAddress: userAddress(base.userAddress + distance),
    ioVirtualAddress: ioVirtualAddress(base.ioVirtualAddress + distance),
  };
}
