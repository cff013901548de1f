/** Hints about tc. */
import { NETSIM_REASON } from "../net/drop-reason.ts";
import type { Netdev } from "../net/netdev.ts";
import { listFilters } from "../net/tc/bpf-filters.ts";
import { listTcx, type TcDirectionName } from "../net/tc/control.ts";
import { type HintRule, list, lost, packets } from "./hint.ts";

const DIRECTIONS: readonly TcDirectionName[] = ["ingress", "egress"];

const tcxUnknownCode: HintRule = {
  code: "TCX_UNKNOWN_CODE",
  source: "FACTS 4.3: tcx answers 1, 3, 4, 5, 8 and 42: the remaining tcx programs are skipped, legacy tc runs",
  onDevice(dev) {
    for (const direction of DIRECTIONS) {
      const chain = listTcx(dev, direction);
      for (const [i, { prog, verdicts: v }] of chain.entries()) {
        const odd = v.stolen + v.trap + v.other;
        if (odd === 0) continue;
        const skipped = chain.slice(i + 1).map((t) => t.prog.spec.name);
        const effect =
          skipped.length > 0
            ? `so ${list(skipped)} did not run on them`
            : "which hands the packet to legacy tc as TCX_NEXT does";
        return (
          `tcx program ${prog.spec.name} (${direction} of ${dev.label}) answered a code that tcx does not know for ${packets(odd)}, ` +
          `${effect}. tcx knows TCX_NEXT -1, TCX_PASS 0, TCX_DROP 2 and TCX_REDIRECT 7.`
        );
      }
    }
    return null;
  },
};

const stolen: HintRule = {
  code: "TC_STOLEN",
  source: "FACTS 4.3: STOLEN and TRAP: consumed, dropped not incremented, the sender sees success",
  onDevice(dev) {
    const n = lost(dev, NETSIM_REASON.TC_STOLEN);
    if (n === 0) return null;
    return (
      `tc at ${dev.label} consumed ${packets(n)} (TC_ACT_STOLEN or TC_ACT_TRAP): on Linux they count as dropped nowhere, and a ` +
      "local sender sees success."
    );
  },
};

const unknownFilterCode: HintRule = {
  code: "TC_UNKNOWN_CODE",
  source: "FACTS 4.3: cls_bpf direct-action: RECLASSIFY, PIPE, QUEUED, REPEAT and unknown codes act as TC_ACT_UNSPEC",
  onDevice(dev) {
    for (const direction of DIRECTIONS) {
      for (const { prog, directAction, verdicts: v } of listFilters(dev, direction)) {
        if (!directAction || v.other === 0) continue;
        return (
          `tc program ${prog.spec.name} (${direction} of ${dev.label}) answered ${v.other} times with a code that direct-action does ` +
          "not know: it acts as TC_ACT_UNSPEC, the next filter decides."
        );
      }
    }
    return null;
  },
};

const classicInUse: HintRule = {
  code: "TC_NOT_DIRECT_ACTION",
  source: "FACTS 4.3: classic cls_bpf: the return value is a class, not a verdict",
  onDevice(dev: Netdev) {
    for (const direction of DIRECTIONS) {
      for (const { prog, directAction, verdicts: v } of listFilters(dev, direction)) {
        if (directAction || v.shot + v.redirect === 0) continue;
        return (
          `tc filter ${prog.spec.name} (${direction} of ${dev.label}) is not direct-action: its ${v.shot + v.redirect} answers of 2 ` +
          "(TC_ACT_SHOT) or 7 (TC_ACT_REDIRECT) only chose a class. Add `da` to the filter."
        );
      }
    }
    return null;
  },
};

/** In the order in which reports show them. */
export const tcHints: readonly HintRule[] = [tcxUnknownCode, unknownFilterCode, classicInUse, stolen];
