/** What `bpftool prog run` prints. @source bpftool prog.c do_run, print_run_output, hex_dump_type */

const ROW = 16;
/** Columns of the hexadecimal part: 8 groups of 4 digits, a blank before each. */
const HEX_COLUMNS = 5 * (ROW / 2);

/** A run's outcome. */
export interface RunResult {
  readonly retval: number;
  /** ns of one run, the mean. */
  readonly durationNs: number;
  readonly repeat: number;
  /** Shown when not null. */
  readonly dataOut: Uint8Array | null;
  readonly ctxOut: Uint8Array | null;
}

/** The plain form, with a newline at the end. */
export function runText(r: RunResult): string {
  const dumps = [r.dataOut, r.ctxOut].map((bytes) => (bytes === null ? "" : hexDump(bytes))).join("");
  return `${dumps}Return value: ${r.retval}, duration${r.repeat > 1 ? " (average)" : ""}: ${r.durationNs}ns\n`;
}

/** The compact JSON form, without a newline. */
export function runJson(r: RunResult): string {
  const list = (name: string, bytes: Uint8Array | null): string =>
    bytes === null ? "" : `"${name}":[${bytes.join(",")}],`;
  const outputs = `${list("data_out", r.dataOut)}${list("ctx_out", r.ctxOut)}`;
  return `{${outputs}"retval":${r.retval},"duration":${r.durationNs}}`;
}

/**
 * Bytes as bpftool dumps them, a line for 16:
 *
 *     0000000	0200 0000 0002 0200 0000 0001 0800 4500 | ........ ......E.
 */
export function hexDump(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = bytes.subarray(at, at + ROW);
    let hex = "";
    let text = "";
    row.forEach((b, i) => {
      hex += `${b.toString(16).padStart(2, "0")}${i % 2 === 1 ? " " : ""}`;
      text += `${b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "."}${i === 7 ? " " : ""}`;
    });
    out += `${at.toString(16).padStart(7, "0")}\t${hex.padEnd(HEX_COLUMNS)}| ${text}\n`;
  }
  return out;
}
