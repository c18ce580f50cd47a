// @ts-check
/** Bytes: taking them from callers, putting them together, comparing them. */

const MAX_CONTEXT = 255;

/**
 * Bytes as they are; TypeError for anything else.
 * @param {unknown} data @param {string} what
 * @returns {Uint8Array}
 */
export function bytes(data, what) {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  const hint = typeof data === "string" ? ": new TextEncoder().encode(text) makes bytes of a text" : "";
  throw new TypeError(`the ${what} must be bytes, a Uint8Array, not ${data === null ? "null" : typeof data}${hint}`);
}

/** @param {...Uint8Array} parts */
export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {number} number */
export function u32(number) {
  return new Uint8Array([number >>> 24, number >>> 16, number >>> 8, number]);
}

/** @param {Uint8Array} a @param {Uint8Array} b public values */
export function equal(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/**
 * What SLH-DSA signs before the message: 0 || length || context (FIPS 205, section 10.2).
 * @param {unknown} context
 */
export function head(context) {
  const given = context === undefined || context === null ? new Uint8Array() : bytes(context, "context");
  if (given.length > MAX_CONTEXT) throw new RangeError(`a context has at most 255 bytes; got ${given.length}`);
  return join(new Uint8Array([0, given.length]), given);
}
