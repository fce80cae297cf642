import type { Tell } from './observation.ts';
import type { AskedTransfer, SeenTransfer } from './seen-transfer.ts';

const errorBits = 0xffn;
const withoutDescriptor = 0x100n;

/** vhost-user, "Migrating back-end state": what a transfer may come to. */
export function judgeTransfer(
  asked: AskedTransfer,
  { answer, hasDescriptor, isWhole, result }: SeenTransfer,
  tell: Tell,
): void {
  const what = `the answer to SET_DEVICE_STATE_FD, to ${asked.how}`;
  if (answer === undefined) return;
  const hasFailed = (answer & errorBits) !== 0n;
  const actual = `0x${answer.toString(16)}${hasDescriptor ? ' and a descriptor' : ''}`;
  if (hasFailed && hasDescriptor) {
    const requirement = 'vu-device-state/error-and-descriptor-never-together';
    tell({ requirement, what, expected: 'an error or a descriptor', actual });
    return;
  }
  if (!hasFailed && hasDescriptor === ((answer & withoutDescriptor) !== 0n)) {
    const requirement = 'vu-device-state/no-descriptor-bit-set-without-descriptor';
    tell({ requirement, what, expected: 'bit 8 where no descriptor comes', actual });
    return;
  }
  if (!asked.isKnownPhase) {
    if (hasFailed) return;
    const requirement = 'vu-device-state/unknown-direction-or-phase-refused';
    tell({ requirement, what: `${what} in an unknown phase`, expected: 'an error', actual });
    return;
  }
  if (hasFailed) {
    if (!asked.owesSuccess) return;
    const requirement = 'vu-device-state/source-resumes-after-failed-migration';
    tell({ requirement, what, expected: 'no error', actual });
    return;
  }
  if (asked.how === 'save' && !isWhole) {
    const requirement = 'vu-device-state/saving-writes-all-then-closes';
    tell({
      requirement,
      what: 'the end of a state that is saved',
      expected: 'it comes',
      actual: 'the file stays open',
    });
    return;
  }
  judgeResult(asked, isWhole, result, tell);
}

function judgeResult(
  { how, isOwn, owesSuccess }: AskedTransfer,
  isWhole: boolean,
  result: bigint | undefined,
  tell: Tell,
): void {
  if (!isWhole || result === undefined || !owesSuccess) return;
  const isRight = how === 'save' || isOwn;
  if ((result === 0n) === isRight) return;
  tell({
    requirement: isRight
      ? 'vu-device-state/loading-reads-to-end-of-file'
      : 'vu-device-state/check-reports-zero-only-after-success',
    what: `the answer to CHECK_DEVICE_STATE behind ${how === 'save' ? 'saving' : isRight ? 'loading' : 'loading a part'}`,
    expected: isRight ? '0' : 'another word than 0',
    actual: String(result),
  });
}
