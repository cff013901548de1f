/** How the object parsers report a defect. */
import { type Diagnostic, ObjectError } from "../../engine/errors.ts";

/** Where in an object file something stands. */
export interface ObjectPlace {
  readonly file: string;
  readonly section?: string;
  /** Byte offset within the section, or within the file when no section is named. */
  readonly offset?: number;
}

/** `lb.o: section ".maps", offset 0x18` */
function placeText(place: ObjectPlace): string {
  const parts: string[] = [];
  if (place.section !== undefined) parts.push(`section ${JSON.stringify(place.section)}`);
  if (place.offset !== undefined) parts.push(`offset 0x${place.offset.toString(16)}`);
  return parts.length === 0 ? place.file : `${place.file}: ${parts.join(", ")}`;
}

/** A finding about an object file; the place goes in front of the message. */
export function objectDiagnostic(code: string, place: ObjectPlace, message: string, fix?: string): Diagnostic {
  const base = { code, path: placeText(place), message };
  return fix === undefined ? base : { ...base, fix };
}

/** @example throw objectError("ELF_TRUNCATED", { file, offset: 40 }, "...", "compile it again") */
export function objectError(code: string, place: ObjectPlace, message: string, fix?: string): ObjectError {
  return new ObjectError(objectDiagnostic(code, place, message, fix));
}
