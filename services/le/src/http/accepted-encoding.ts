/** Whether an Accept-Encoding names the encoding and does not refuse it with `q=0` (RFC 9110, 12.5.3). */
export function accepts(header: string | string[] | undefined, encoding: string): boolean {
  return [header ?? []]
    .flat()
    .flatMap((text) => text.toLowerCase().split(','))
    .map((item) => item.split(';').map((part) => part.trim()))
    .some(
      ([name, ...parameters]) => name === encoding && !parameters.some((each) => /^q=0(\.0*)?$/.test(each)),
    );
}
