/** Numbers that calls answer, negated, where they fail. */
export const errno = {
  ENOENT: 2,
  EINTR: 4,
  E2BIG: 7,
  EBADF: 9,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOBUFS: 105,
  /** Of the kernel's inside alone; user space sees the bare number. */
  ENOTSUPP: 524,
} as const;

/** The name of what a call answered, or its number where that has none here. */
export const errorName = (answer: number): string =>
  Object.entries(errno).find(([, number]) => number === -answer)?.[0] ?? `error ${-answer}`;
