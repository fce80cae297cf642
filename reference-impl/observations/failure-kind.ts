/** How a failure of an IUT shows. A value that is not what it should be is `wrong`. */
export const failureKinds = ['wrong', 'crash', 'hang', 'stalled', 'leak', 'desync'] as const;
export type FailureKind = (typeof failureKinds)[number];
