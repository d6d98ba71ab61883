import type { Json, PolicyEvent, ScheduledTask } from '@tenma/protocol';

type Fields = PolicyEvent['fields'];

/** The longest value that a label may have. */
const labelLength = 255;

/**
 * The task of a policy with the fields of an event in place of `{field}` in the texts of its input and labels. A text
 * that is nothing but one placeholder becomes the field as it is, number, boolean or null; in a longer text null is
 * nothing. Braces around anything else stay.
 */
export function fillIn(task: ScheduledTask, fields: Fields): ScheduledTask {
  const labels = Object.entries(task.labels ?? {}).map(
    ([key, text]) => [key, filledText(text, fields).slice(0, labelLength)] as const,
  );
  return {
    ...task,
    ...(task.input === undefined ? {} : { input: filled(task.input, fields) }),
    ...(task.labels === undefined ? {} : { labels: Object.fromEntries(labels) }),
  };
}

function filled(value: Json, fields: Fields): Json {
  if (typeof value === 'string') {
    const whole = /^\{([a-z_]+)\}$/.exec(value)?.[1];
    const field = whole === undefined ? undefined : ownField(fields, whole);
    return field === undefined ? filledText(value, fields) : field;
  }
  if (Array.isArray(value)) return value.map((one) => filled(one, fields));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, fields)]));
}

function filledText(text: string, fields: Fields): string {
  return text.replaceAll(/\{([a-z_]+)\}/g, (placeholder, name: string) => {
    const field = ownField(fields, name);
    if (field === undefined) return placeholder;
    return field === null ? '' : String(field);
  });
}

function ownField(fields: Fields, name: string): Fields[string] | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
