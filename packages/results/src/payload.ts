import { pack, type Packed, unpack } from '@tenma/runtime';

/** What goes over the wire. */
export interface Payload {
  readonly text: string;
  readonly contentType: 'application/cloudevents+json' | 'application/json';
}

/** A CloudEvent whose data has more JSON text than this travels with it packed: MQTT 3.1.1 has no way to say so otherwise. */
const packAboveBytes = 64 * 1024;
/** Of data as JSON text, once unpacked. */
const maxDataBytes = 64 * 1024 * 1024;
/** Base64 makes four bytes of three; packing must save a tenth all the same. */
const worthwhileRatio = 0.9;

type PlainEvent = Readonly<Record<string, unknown>> & { readonly specversion: '1.0' };

/**
 * The wire form of a payload: JSON, or nothing for null and undefined, which clears a retained message. Large data of a
 * CloudEvent becomes `data_base64` with the extension attribute `contentencoding`; only what is very large takes a promise.
 */
export function encodePayload(payload: unknown): Payload | Promise<Payload> {
  const text = plainText(payload);
  if (!isEvent(payload)) return { text, contentType: 'application/json' };
  const plain: Payload = { text, contentType: 'application/cloudevents+json' };
  if (text.length <= packAboveBytes / 3 || payload['data'] === undefined) return plain;
  const data = Buffer.from(JSON.stringify(payload['data']));
  const packed = pack(data, { thresholdBytes: packAboveBytes });
  const choose = (one: Packed) => theSmaller(payload, plain, data, one);
  return packed instanceof Promise ? packed.then(choose) : choose(packed);
}

/** As JSON, never packed: for a will, which goes with the connection and is small. */
export function plainText(payload: unknown): string {
  if (payload === null || payload === undefined) return '';
  return JSON.stringify(payload) ?? '';
}

function theSmaller(event: PlainEvent, plain: Payload, data: Buffer, { bytes, encoding }: Packed): Payload {
  if (encoding === 'identity' || (bytes.length * 4) / 3 > data.length * worthwhileRatio) return plain;
  const { data: _data, ...attributes } = event;
  const packed = { ...attributes, contentencoding: encoding, data_base64: bytes.toString('base64') };
  return { ...plain, text: JSON.stringify(packed) };
}

/**
 * The value of a received payload, its data unpacked; null when it is empty, no JSON, or packed in a way that is not known
 * or not true. Never throws or rejects; only large data takes a promise.
 */
export function decodePayload(bytes: Buffer | string): unknown {
  if (bytes.length === 0) return null;
  const payload = parsed(bytes);
  if (!isEvent(payload) || payload['contentencoding'] === undefined) return payload;
  const { contentencoding: encoding, data_base64: base64, ...attributes } = payload;
  if (typeof base64 !== 'string' || (encoding !== 'zstd' && encoding !== 'gzip')) return null;
  const whole = (data: Buffer) => withData(attributes, data);
  try {
    const data = unpack(Buffer.from(base64, 'base64'), encoding, maxDataBytes);
    return data instanceof Promise ? data.then(whole).catch(() => null) : whole(data);
  } catch {
    return null;
  }
}

function withData(attributes: object, text: Buffer): unknown {
  const data = parsed(text);
  return data === null && text.toString() !== 'null' ? null : { ...attributes, data };
}

function parsed(bytes: Buffer | string): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}

function isEvent(payload: unknown): payload is PlainEvent {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    (payload as { specversion?: unknown }).specversion === '1.0'
  );
}
