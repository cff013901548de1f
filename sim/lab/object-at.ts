/** Faults of object files at the place of the lab that names them. */
import { type Diagnostic, ObjectError, VerifierError } from "../engine/errors.ts";
import type { Origin } from "./spec.ts";

/**
 * The same error, told with the line of the lab it comes from. Its place in the object stays in the message. A refusal that has a place
 * in a source file already is left as it is.
 * @param prefix who met it: the node
 */
export function atOrigin(error: ObjectError | VerifierError, origin: Origin, prefix: string = ""): Error {
  const d = error.diagnostic;
  if (d.place !== undefined) return error;
  const message = [prefix, d.path ?? "", d.message].filter((part) => part !== "").join(": ");
  const located: Diagnostic = { ...d, message, path: origin.path, place: origin.place };
  return error instanceof ObjectError ? new ObjectError(located) : new VerifierError(located);
}
