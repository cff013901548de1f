/** Actions as `tc filter show` and `tc actions` list them. @source iproute2 tc/m_action.c tc_dump_action, tc_print_one_action */
import type { TcAction } from "../../net/tc/action.ts";
import { formatSize } from "../../net/tc-units.ts";
import type { ToolFlags } from "../rtnetlink.ts";
import { actionWordsOf } from "./actions/index.ts";
import { PrintObject } from "./print.ts";

/** The `actions` of a filter, or of a list. @param first number of the first one. @param bound they are shown with a filter */
export function printActions(
  o: PrintObject,
  actions: readonly TcAction[],
  first: number,
  bound: boolean,
  flags: ToolFlags,
): void {
  o.array(
    "actions",
    actions.map((action, i) => printAction(action, first + i, bound, flags)),
  );
}

function printAction(action: TcAction, order: number, bound: boolean, flags: ToolFlags): PrintObject {
  const o = new PrintObject().plain("\n").any("order", order, `\taction order ${order}: `);
  actionWordsOf(action.kind)!.print(o, action, flags);
  if (flags.stats > 0) {
    o.plain("\tAction statistics:\n").object("stats", (s) => printStats(s, action));
    o.plain("\n");
  }
  if (action.cookie !== "") o.any("cookie", action.cookie, `\tcookie ${action.cookie}`).plain("\n");
  if (action.noPercpu) o.any("no_percpu", true, "\tno_percpu");
  if (!bound) o.any("not_in_hw", true, "\tnot_in_hw");
  if (action.noPercpu || !bound) o.plain("\n");
  if (action.hwStatsAsked) o.any("used_hw_stats", ["disabled"], "\tused_hw_stats disabled").plain("\n");
  return o;
}

/** print_tcstats2_attr with a tabulator in front. */
function printStats(o: PrintObject, action: TcAction): void {
  const s = action.stats;
  o.any("bytes", s.bytes, `\tSent ${s.bytes} bytes`)
    .any("packets", s.packets, ` ${s.packets} pkt`)
    .any("drops", s.drops, ` (dropped ${s.drops}`)
    .any("overlimits", s.overlimits, `, overlimits ${s.overlimits}`)
    .any("requeues", s.requeues, ` requeues ${s.requeues}) `)
    .plain("\n")
    .any("backlog", s.backlog, `\tbacklog ${formatSize(s.backlog)}`)
    .any("qlen", s.qlen, ` ${s.qlen}p`)
    .plain(` requeues ${s.requeues}`);
}
