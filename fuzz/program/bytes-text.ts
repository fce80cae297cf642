/** Bytes as text: hexadecimal digits, parts joined by dots, `00*16` for a byte that is there 16 times. */

const shortestRun = 6;

export function printBytes(bytes: Uint8Array): string {
  const parts: string[] = [];
  let plain = '';
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] as number;
    let end = at + 1;
    while (end < bytes.length && bytes[end] === byte) end++;
    const hex = byte.toString(16).padStart(2, '0');
    if (end - at < shortestRun) plain += hex.repeat(end - at);
    else {
      if (plain !== '') parts.push(plain);
      plain = '';
      parts.push(`${hex}*${end - at}`);
    }
    at = end;
  }
  if (plain !== '') parts.push(plain);
  return parts.join('.');
}

/** The bytes, or undefined where the text is none of bytes or means more than `most`. */
export function parseBytes(text: string, most: number): Uint8Array | undefined {
  const bytes: number[] = [];
  if (text === '') return new Uint8Array(0);
  for (const part of text.split('.')) {
    const [, digits = '', count = '1'] = /^((?:[0-9a-f]{2})+)(?:\*(\d{1,6}))?$/.exec(part) ?? [];
    if (digits === '') return undefined;
    const times = Number(count);
    if (bytes.length + (digits.length / 2) * times > most) return undefined;
    for (let n = 0; n < times; n++) {
      for (let at = 0; at < digits.length; at += 2) bytes.push(Number.parseInt(digits.slice(at, at + 2), 16));
    }
  }
  return Uint8Array.from(bytes);
}
