/** Handles and class ids as tc writes them. @source iproute2 tc/tc_util.c get_qdisc_handle, get_tc_classid, print_tc_classid */
import { TC_H_ROOT } from "../../net/qdiscs/base.ts";
import { ToolError } from "../tool.ts";

/** `1:` or `1`. @returns the handle with its major number in the upper half */
export function parseQdiscHandle(text: string): number {
  if (text === "none") return 0;
  // what stands behind the colon is passed over
  const m = /^([0-9a-f]{1,4})(?::.*)?$/i.exec(text);
  if (m === null) throw new ToolError(255, `Error: argument "${text}" is wrong: invalid qdisc ID\n`);
  return parseInt(m[1]!, 16) * 65536;
}

/** get_tc_classid: `1:10`, `1:`, `:10`, `root`, `none`, or all of it in hex. @returns null for anything else */
export function classidOf(text: string): number | null {
  if (text === "root") return TC_H_ROOT;
  if (text === "none") return 0;
  const m = /^([0-9a-f]{0,4}):([0-9a-f]{0,4})$/i.exec(text);
  if (m !== null) return Number.parseInt(m[1] || "0", 16) * 65536 + Number.parseInt(m[2] || "0", 16);
  return /^(0x)?[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : null;
}

/** `1:10`, `root`, `1:`. @returns the class id */
export function parseClassid(text: string, what: string = "Invalid Parent"): number {
  const id = classidOf(text);
  if (id === null) throw new ToolError(255, `Error: argument "${text}" is wrong: ${what}\n`);
  return id;
}

/** `1:`, `8001:`; 0 is `0:`. */
export function formatHandle(handle: number): string {
  return `${(handle >>> 16).toString(16)}:`;
}

/** `1:10`, `1:`, `:10`, `root`. */
export function formatClassid(id: number): string {
  if (id === TC_H_ROOT) return "root";
  const major = id >>> 16;
  const minor = id & 0xffff;
  if (minor === 0) return `${major.toString(16)}:`;
  return `${major === 0 ? "" : major.toString(16)}:${minor.toString(16)}`;
}
