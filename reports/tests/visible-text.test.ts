import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { visibleLine, visibleText } from '../visible-text.ts';

t.test('what would not show itself is named', (t) => {
  t.equal(visibleText('\u001b[31mred\u001b[0m'), '⟨ESC⟩[31mred⟨ESC⟩[0m');
  t.equal(visibleText('a\u202etxt\u2066b\u200bc\ufeffd'), 'a⟨U+202E⟩txt⟨U+2066⟩b⟨U+200B⟩c⟨U+FEFF⟩d');
  t.equal(visibleText('\u0000\u007f\u009b\r'), '⟨U+0000⟩⟨U+007F⟩⟨U+009B⟩⟨U+000D⟩');
  t.equal(visibleText('\ud800x\udc00'), '⟨U+D800⟩x⟨U+DC00⟩');
  t.equal(visibleText('\u{e0041}\uffff\u2028'), '⟨U+E0041⟩⟨U+FFFF⟩⟨U+2028⟩');
  t.equal(visibleText('one\n\ttwo – ☃ 漢 🎉 עברית'), 'one\n\ttwo – ☃ 漢 🎉 עברית', 'the rest stays');
  t.end();
});

t.test('a line is one line', (t) => {
  t.equal(visibleLine('a\nb\r\nc\td'), 'a ⏎ b ⏎ c d');
  t.end();
});

t.test('nothing that hides or acts is left in any text', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(visibleText(text), /[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|[^\n\t\P{Cc}]/u);
      assert.doesNotMatch(visibleLine(text), /[\n\r\t]/);
    }),
  );
  t.pass('100 random texts');
  t.end();
});
