/** `--global NAME=VALUE`: the values of global variables, written as a lab file writes them. */
import { parseDocument } from "yaml";
import { LabError } from "../../engine/errors.ts";

/**
 * Reads them. VALUE is YAML: `5`, `0x10`, `true`, `10.0.0.1`, `[1, 2]`, `{port: 53}`; of a name that is given twice the last one counts.
 * @throws LabError GLOBAL_SYNTAX
 */
export function readGlobals(texts: readonly string[]): ReadonlyMap<string, unknown> {
  const out = new Map<string, unknown>();
  for (const text of texts) {
    const m = /^\s*([A-Za-z_]\w*)\s*=([\s\S]*)$/.exec(text);
    if (m === null) {
      const fix = "`--global limit=5`, `--global 'ports=[53, 80]'`";
      throw new LabError([{ code: "GLOBAL_SYNTAX", message: `--global ${text}: expected NAME=VALUE`, fix }]);
    }
    out.set(m[1]!, readValue(m[2]!, text));
  }
  return out;
}

function readValue(value: string, text: string): unknown {
  const refuse = (why: string): never => {
    throw new LabError([{ code: "GLOBAL_SYNTAX", message: `--global ${text}: the value is no YAML: ${why}` }]);
  };
  try {
    const doc = parseDocument(value, { intAsBigInt: true, prettyErrors: false, logLevel: "error" });
    const wrong = doc.errors[0];
    if (wrong !== undefined) return refuse(wrong.message.split("\n")[0]!);
    return doc.toJS({ maxAliasCount: 0 }) ?? "";
  } catch (error) {
    if (error instanceof LabError) throw error;
    // the reader is recursive, and aliases are refused
    return refuse(error instanceof RangeError ? "it nests too deep" : (error as Error).message);
  }
}
