// @ts-check
/**
 * The errors of hbss, by the names that they have in Python.
 *
 *     HbssError
 *     ├── InvalidSignature      the signature does not belong to this key and message, or is malformed
 *     ├── BadKey                a key that cannot be read: length, codes, checks
 *     ├── UnknownParameterSet   no parameter set has this name
 *     ├── KeyExhausted          a stateful key has no leaf left, or a one-time key has signed
 *     ├── LeafSpent             this leaf was not reserved, or has signed: it signs once
 *     ├── HandleDead            the key was wiped
 *     └── WorkerLost            the Worker was closed, or does not run
 *
 * A wrong type is a TypeError and a wrong value a RangeError, as everywhere in JavaScript.
 */

/** Everything that hbss throws by its own name. */
export class HbssError extends Error {}

/** The signature is not one of this message by this key. Malformed and wrong are not told apart. */
export class InvalidSignature extends HbssError {
  constructor(message = "the signature does not belong to this message and key") {
    super(message);
  }
}

/** A key could not be read, or its parts do not belong together. */
export class BadKey extends HbssError {}

/** No parameter set has this name. */
export class UnknownParameterSet extends HbssError {}

/** A stateful or one-time key has nothing left to sign with; it will never sign again. */
export class KeyExhausted extends HbssError {}

/** A leaf signs once, and only after it was reserved. */
export class LeafSpent extends HbssError {}

/** The key was wiped. */
export class HandleDead extends HbssError {}

/** The Worker that held the keys is closed, or could not be started. */
export class WorkerLost extends HbssError {}

const OWN = {
  HbssError, InvalidSignature, BadKey, UnknownParameterSet, KeyExhausted, LeafSpent, HandleDead, WorkerLost,
};
for (const [name, kind] of Object.entries(OWN)) kind.prototype.name = name; // a bundler may rename the classes
const KINDS = { ...OWN, TypeError, RangeError };

/**
 * What a Worker sends of an error.
 * @param {unknown} error
 * @returns {{name: string, message: string}}
 */
export function pack(error) {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message };
}

/**
 * The error that was sent, of its own class again.
 * @param {{name: string, message: string}} sent
 * @returns {Error}
 */
export function unpack({ name, message }) {
  const kind = Object.hasOwn(KINDS, name) ? KINDS[/** @type {keyof typeof KINDS} */ (name)] : null;
  return kind ? new kind(message) : new HbssError(`${name}: ${message}`);
}
