import { type Call, callOf } from '../program/program.ts';

/** The calls of a program as they are laid: each has the next number as its id. */
export class CallList {
  readonly calls: Call[] = [];

  /** Returns the id of the call. What `values` does not say has its default. */
  add<Kind extends Call['kind']>(kind: Kind, values: Parameters<typeof callOf<Kind>>[2] = {}): number {
    const id = this.calls.length + 1;
    this.calls.push(callOf(kind, id, values) as unknown as Call);
    return id;
  }
}
