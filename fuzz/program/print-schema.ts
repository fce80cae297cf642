import { programProto } from './program-schema.ts';

/** Prints `program.proto`. */
process.stdout.write(programProto());
