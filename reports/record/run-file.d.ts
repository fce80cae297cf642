/**
 * Reads a file of a run. The directory may come from a stranger: a link is not followed, and what is no regular file (a
 * FIFO would be waited for) is refused.
 * @throws Error of the system call, or one that says what the file is not.
 */
export declare function readRunFile(path: string): Buffer;
/** Opens a file of a run to append to it and to read its end; made where it is missing. @throws as `readRunFile`. */
export declare function openRunFile(path: string): number;
/** Puts a whole file in the place of what has that name, which is neither followed nor ever seen half written. */
export declare function replaceRunFile(path: string, content: string | Uint8Array): void;
//# sourceMappingURL=run-file.d.ts.map
