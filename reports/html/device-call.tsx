import type { JSX } from 'preact';
import { accessText, type Call, ioctlText } from './call-text.ts';
import { WithFields } from './shared-fields.tsx';

/** A call on the device, or an access to one of its regions: its name, its first fields and its result. */
export function DeviceCall(props: {
  readonly call: Call;
  readonly theirs: string;
  readonly isOpen: boolean;
}): JSX.Element {
  const { call, theirs, isOpen } = props;
  const { name, brief, place, answer, blocks } = call.kind === 'ioctl' ? ioctlText(call) : accessText(call);
  const line = (
    <>
      <span class="unseen">
        {call.kind === 'region-access' && call.access === 'read' ? 'from' : 'to'} the {theirs}:{' '}
      </span>
      <b>{name}</b>
      {brief === '' ? null : <span class="brief"> {brief}</span>}
      <span class="size"> {place}</span> <span class={`answer${isRefused(call) ? ' refused' : ''}`}>{answer}</span>
    </>
  );
  if (blocks.length === 0) return <p class="arrow">{line}</p>;
  return <WithFields summary={line} blocks={blocks} isOpen={isOpen} />;
}

function isRefused({ result }: Call): boolean {
  return result === undefined || result < 0;
}
