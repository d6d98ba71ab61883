import { describe, expect, it } from 'vitest';
import { lineAt, maskCode } from './code-mask.ts';

describe('masking code', () => {
  it.each([
    ['a comment to the end of the line', 'a(); // Date.now()\nb();', 'a();              \nb();'],
    ['a comment over lines', 'a /* x\ny */ b', 'a     \n     b'],
    ['a string, keeping its quotes', `f('it\\'s');`, `f('     ');`],
    ['a template, keeping what it interpolates', '`a ${b("c")} d`', '`  ${b(" ")}  `'],
    ['a template in a template', '`a ${`b ${c} d`} e`', '`  ${`  ${c}  `}  `'],
    ['braces in an interpolation', '`${{ a: 1 }}b`', '`${{ a: 1 }} `'],
    ['a regular expression', 'x = /[/"]+/g;', 'x = /     /g;'],
    ['a regular expression after return', 'return /"/;', 'return / /;'],
  ])('blanks %s', (_, text, masked) => {
    expect(maskCode(text)).toBe(masked);
  });

  it('leaves a division alone', () => {
    const text = 'a / b / "c"';
    expect(maskCode(text)).toBe('a / b / " "');
  });

  it('keeps every line and place', () => {
    const text = "const a = 'b';\n/* c */\nconst d = `e\n${f}`;\n";
    const masked = maskCode(text);
    expect(masked.length).toBe(text.length);
    expect(masked.split('\n').length).toBe(text.split('\n').length);
    expect(lineAt(text, text.indexOf('const d'))).toBe(3);
  });
});
