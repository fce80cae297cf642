import { errno } from '../../reference-impl/wire/errno.ts';
import type { VhostNetFile } from '../port/vhost-kernel-door.ts';
import { RecordedVhostFile } from '../vhost-kernel/recorded-vhost-file.ts';

/** An open /dev/vhost-net of which every call enters the log, and every message that is read. */
export class RecordedVhostNetFile extends RecordedVhostFile<VhostNetFile> implements VhostNetFile {
  /** A look in vain is none: waits look again and again. */
  read(length: number): Uint8Array | number {
    const answer = this.file.read(length);
    if (answer === -errno.EAGAIN) return answer;
    this.begin('read', 'file', 0, length);
    if (typeof answer === 'number') this.log.endCall(answer);
    else this.log.endCall(answer.length, answer);
    return answer;
  }
}
