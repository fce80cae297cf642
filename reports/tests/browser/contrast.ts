/** A text that is hard to read: its contrast with the ground below it is too low. */
export interface PoorContrast {
  readonly text: string;
  readonly ratio: number;
  readonly color: string;
  readonly ground: string;
}

/**
 * All visible texts of the page below the contrast that WCAG 2.2 asks for at level AA: 4.5, or 3 for large text.
 * Runs in the page, so it must not use anything from outside its body.
 */
export function poorContrasts(): { readonly looked: number; readonly poor: PoorContrast[] } {
  type Colour = readonly [number, number, number, number];
  const parsed = (value: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (value.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const luminance = ([red, green, blue]: Colour): number => {
    const [r = 0, g = 0, b = 0] = [red, green, blue].map((channel) => {
      const part = channel / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = new Map<Element, string>();
  const groundOf = (element: Element | null): string => {
    if (element === null) return 'rgb(255, 255, 255)';
    const known = grounds.get(element);
    if (known !== undefined) return known;
    const { backgroundColor } = getComputedStyle(element);
    const ground = parsed(backgroundColor)[3] === 1 ? backgroundColor : groundOf(element.parentElement);
    grounds.set(element, ground);
    return ground;
  };
  const poor: PoorContrast[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let looked = 0;
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent?.trim() ?? '';
    if (element === null || text === '' || element.closest('script, .unseen, option') !== null) continue;
    if (!element.checkVisibility()) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const ground = groundOf(element);
    const [lighter = 0, darker = 0] = [luminance(parsed(color)), luminance(parsed(ground))].sort((a, b) => b - a);
    const ratio = (lighter + 0.05) / (darker + 0.05);
    const size = Number.parseFloat(fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
    looked += 1;
    if (ratio < (isLarge ? 3 : 4.5)) poor.push({ text: text.slice(0, 60), ratio, color, ground });
  }
  return { looked, poor };
}
