/** `police ...` without `action` in front, as filters took it before there were actions. @source iproute2 tc/m_police.c parse_police */
import type { ExtsSpec } from "../../net/tc/exts.ts";
import type { Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { parsePolice } from "./actions/police.ts";
import { refusal } from "./arguments.ts";

/** Takes the words behind `police`. @throws ToolError 1 */
export function takeOldPolice(words: Words, _session: ToolSession): ExtsSpec {
  try {
    const { index, options } = parsePolice(words);
    return { actions: [{ kind: "police", index, options, cookie: "", noPercpu: false }], oldPolice: true };
  } catch (error) {
    if (error instanceof ToolError && error.status === 1) throw refusal(`${error.stderr}Illegal "police"\n`);
    throw error;
  }
}
