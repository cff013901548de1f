/** What tc's verbs do to a root qdisc that is there already; every row was measured on Linux 6.18 with iproute2 6.1. */
import { describe, expect, it } from "vitest";
import { ToolNetwork } from "./kit.ts";

const EXCLUSIVE = "Error: Exclusivity flag on, cannot modify.\n";
const OVERRIDE = "Error: NLM_F_REPLACE needed to override.\n";
const NOT_FOUND = "Error: Qdisc not found. To create specify NLM_F_CREATE flag.\n";
const OTHER_KIND = "Error: Invalid qdisc name: must match existing qdisc.\n";

/** `pfifo limit 7` at 8001: or at 1:, then `tc qdisc VERB dev va root [handle H] KIND`. */
const rows: readonly (readonly [
  there: string,
  verb: string,
  handle: string,
  kind: string,
  refusal: string,
  left: string,
])[] = [
  ["", "add", "", "pfifo limit 5", EXCLUSIVE, "pfifo 8001: limit 7p"],
  ["", "add", "1:", "pfifo limit 5", OVERRIDE, "pfifo 8001: limit 7p"],
  ["", "add", "", "bfifo limit 5000", "", "bfifo 8002: limit 5000b"],
  ["", "replace", "", "pfifo limit 5", "", "pfifo 8001: limit 5p"],
  ["", "replace", "1:", "pfifo limit 5", "", "pfifo 1: limit 5p"],
  ["", "replace", "", "bfifo limit 5000", "", "bfifo 8002: limit 5000b"],
  ["", "replace", "2:", "bfifo limit 5000", "", "bfifo 2: limit 5000b"],
  ["", "change", "", "pfifo limit 5", "", "pfifo 8001: limit 5p"],
  ["", "change", "1:", "pfifo limit 5", OVERRIDE, "pfifo 8001: limit 7p"],
  ["", "change", "", "bfifo limit 5000", "", "bfifo 8002: limit 5000b"],
  ["", "link", "", "pfifo limit 5", "", "pfifo 8001: limit 5p"],
  ["", "link", "1:", "pfifo limit 5", NOT_FOUND, "pfifo 8001: limit 7p"],
  ["", "link", "", "bfifo limit 5000", OTHER_KIND, "pfifo 8001: limit 7p"],
  ["1:", "add", "1:", "pfifo limit 5", EXCLUSIVE, "pfifo 1: limit 7p"],
  ["1:", "add", "2:", "pfifo limit 5", OVERRIDE, "pfifo 1: limit 7p"],
  ["1:", "add", "", "bfifo limit 5000", "", "bfifo 8001: limit 5000b"],
  ["1:", "add", "1:", "bfifo limit 5000", EXCLUSIVE, "pfifo 1: limit 7p"],
  ["1:", "replace", "", "pfifo limit 5", "", "pfifo 1: limit 5p"],
  ["1:", "replace", "2:", "pfifo limit 5", "", "pfifo 2: limit 5p"],
  ["1:", "replace", "1:", "bfifo limit 5000", OTHER_KIND, "pfifo 1: limit 7p"],
  ["1:", "replace", "2:", "bfifo limit 5000", "", "bfifo 2: limit 5000b"],
  ["1:", "change", "1:", "pfifo limit 5", "", "pfifo 1: limit 5p"],
  ["1:", "change", "1:", "bfifo limit 5000", OTHER_KIND, "pfifo 1: limit 7p"],
  ["1:", "change", "2:", "bfifo limit 5000", OVERRIDE, "pfifo 1: limit 7p"],
  ["1:", "change", "", "bfifo limit 5000", "", "bfifo 8001: limit 5000b"],
  ["1:", "link", "1:", "pfifo limit 5", "", "pfifo 1: limit 5p"],
  ["1:", "link", "2:", "pfifo limit 5", NOT_FOUND, "pfifo 1: limit 7p"],
  ["1:", "link", "1:", "bfifo limit 5000", OTHER_KIND, "pfifo 1: limit 7p"],
];

describe("a root pfifo", () => {
  it.each(rows)("at [%s]: tc qdisc %s root [%s] %s", async (there, verb, handle, kind, refusal, left) => {
    const network = new ToolNetwork("pair");
    network.do("a", `tc qdisc add dev va root ${there === "" ? "" : `handle ${there}`} pfifo limit 7`);
    const result = await network.exec(
      "a",
      `tc qdisc ${verb} dev va root ${handle === "" ? "" : `handle ${handle}`} ${kind}`,
    );
    expect(result).toEqual({ status: refusal === "" ? 0 : 2, stdout: "", stderr: refusal });
    expect(network.do("a", "tc qdisc show dev va").replace(/root refcnt \d+ /, "")).toBe(`qdisc ${left}\n`);
  });
});
